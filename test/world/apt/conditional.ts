import type { IncomingHttpHeaders } from "node:http";

/** What a file is known by over HTTP. */
export interface FileFacts {
  readonly size: number;
  /** With its quotes. */
  readonly etag: string;
  readonly modified: Date;
}

/** How to answer a request for a file: the status, and which bytes (end is behind the last one). */
export interface FileAnswer {
  readonly status: 200 | 206 | 304 | 416;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly start: number;
  readonly end: number;
}

/** Conditions and ranges as RFC 9110 has them (one range; several are answered with the whole file). */
export function answerFor(asked: IncomingHttpHeaders, file: FileFacts): FileAnswer {
  const headers = {
    ETag: file.etag,
    "Last-Modified": file.modified.toUTCString(),
    "Accept-Ranges": "bytes",
  };
  if (isFresh(asked, file)) return { status: 304, headers, start: 0, end: 0 };
  const whole = {
    status: 200,
    headers: { ...headers, "Content-Length": file.size },
    start: 0,
    end: file.size,
  } as const;
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/u.exec(asked.range ?? "") ?? [];
  if ((from === "" && to === "") || !mayResume(asked, file)) return whole;
  const start = from === "" ? Math.max(0, file.size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? file.size : Math.min(file.size, Number(to) + 1);
  if (start >= end)
    return {
      status: 416,
      headers: { ...headers, "Content-Range": `bytes */${String(file.size)}`, "Content-Length": 0 },
      start: 0,
      end: 0,
    };
  return {
    status: 206,
    headers: {
      ...headers,
      "Content-Range": `bytes ${String(start)}-${String(end - 1)}/${String(file.size)}`,
      "Content-Length": end - start,
    },
    start,
    end,
  };
}

const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);

/** If-None-Match decides alone when it is there. Dates must be the same, as nginx has it: an older file is another one too. */
function isFresh(asked: IncomingHttpHeaders, { etag, modified }: FileFacts): boolean {
  const tags = asked["if-none-match"];
  if (tags !== undefined)
    return tags.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//u, "") === etag);
  const since = Date.parse(asked["if-modified-since"] ?? "");
  return seconds(modified) === since / 1000;
}

/** A range is given only of the file that the client holds the beginning of. */
function mayResume(asked: IncomingHttpHeaders, { etag, modified }: FileFacts): boolean {
  const condition = asked["if-range"];
  if (condition === undefined) return true;
  return condition === etag || Date.parse(String(condition)) / 1000 === seconds(modified);
}
