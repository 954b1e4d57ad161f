import type { MeasuredFile } from "./record";

const LETTERS = { file: "f", directory: "d", symlink: "l", other: "o" } as const;
const KINDS = { f: "file", d: "directory", l: "symlink", o: "other" } as const;
const LINE = /^([fdlo]) ([0-7]{4}) (\d+):(\d+) (\d+) (\S+) (.+)$/u;

const quoted = (text: string): string => JSON.stringify(text).slice(1, -1).replaceAll(" ", "\\u0020");
const unquoted = (text: string): string => JSON.parse(`"${text}"`) as string;

/** The list as text, one sorted line per path: kind, mode, uid:gid, bytes, content (- for none), path. Escapes blanks in names. */
export function fileListText(files: readonly MeasuredFile[]): string {
  return [...files]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(
      ({ kind, mode, uid, gid, sizeBytes, content, path }) =>
        `${LETTERS[kind]} ${mode.toString(8).padStart(4, "0")} ${String(uid)}:${String(gid)} ${String(sizeBytes)} ${content === "" ? "-" : quoted(content)} ${quoted(path)}\n`,
    )
    .join("");
}

/** Parses such a text. @throws Error naming the first invalid line */
export function parseFileList(text: string): readonly MeasuredFile[] {
  return text
    .split(/\r?\n/u)
    .filter((line) => line !== "")
    .map((line, at) => {
      const [, letter = "", mode = "", uid = "", gid = "", size = "", content = "", path = ""] =
        LINE.exec(line) ?? [];
      if (letter === "") throw new Error(`line ${String(at + 1)} is not an entry of a file list`);
      return {
        kind: KINDS[letter as keyof typeof KINDS],
        mode: Number.parseInt(mode, 8),
        uid: Number(uid),
        gid: Number(gid),
        sizeBytes: Number(size),
        content: content === "-" ? "" : unquoted(content),
        path: unquoted(path),
      };
    });
}
