import { request, type IncomingHttpHeaders } from "node:http";

export interface Reply {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request. Not fetch: loading it takes longer than everything else that bl does. */
export async function send(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | Uint8Array = "",
): Promise<Reply> {
  const open = url.startsWith("https:") ? (await import("node:https")).request : request;
  return new Promise((done, fail) => {
    const length = body.length === 0 ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
    const asked = open(url, { method, headers: { ...headers, ...length } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", fail);
      answer.on("end", () => {
        done({
          status: answer.statusCode ?? 0,
          statusText: answer.statusMessage ?? "",
          headers: answer.headers,
          text: Buffer.concat(chunks).toString("utf8"),
        });
      });
    });
    asked.on("error", fail);
    asked.end(body);
  });
}
