import { Failure } from "../support/errors";

/** The failure for a refused manifest, with the line. */
export function unreadable(path: string, line: number, why: string, cause?: unknown): Failure {
  return new Failure({
    code: "MANIFEST_UNREADABLE",
    kind: "manifest",
    message: `${path}, line ${String(line)}: ${why}.`,
    hint: "Nothing was changed. Fix the file by hand or restore the last good one from git; mesa-template manifest check lists its problems.",
    cause,
  });
}

/** The line, from 1, at an offset of a text. */
export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < position; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}

/** The line of a value, found by its keys; if a key is missing, the line of the nearest parent. */
export function lineOfPath(text: string, path: readonly string[]): number {
  let position = 0;
  for (const key of path) {
    const found = text.indexOf(`${JSON.stringify(key)}:`, position);
    const loose = found >= 0 ? found : text.indexOf(JSON.stringify(key), position);
    if (loose < 0) break;
    position = loose;
  }
  return lineAt(text, position);
}
