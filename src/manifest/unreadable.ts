import type * as z from "zod/mini";
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
  return text.slice(0, position).split("\n").length;
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

/** The failure for a value that does not have the form of a manifest; names the first wrong field. */
export function misshapen(text: string, path: string, { issues: [issue] }: z.core.$ZodError): Failure {
  const where = (issue?.path ?? []).map(String);
  const what = `${where.join(" → ") || "the file"}: ${issue?.message ?? "is not a manifest"}`;
  return unreadable(path, lineOfPath(text, where), what);
}

/** Far deeper than any manifest; much deeper values exhaust the stack when written. */
const DEEPEST = 100;

/**
 * Refuses what JSON.parse accepts silently: a key that occurs twice in one object (the last one wins), the key `__proto__`, and values too
 * deep to be written again.
 * @param text valid JSON
 * @throws Failure MANIFEST_UNREADABLE (exit 8)
 */
export function refuseLooseJson(text: string, path: string): void {
  const refuse = (position: number, why: string): never => {
    throw unreadable(path, lineAt(text, position), why);
  };
  /** The keys of each object around the current position; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  for (const { 0: sign, 1: word = "", 2: colon, index: position } of text.matchAll(TOKENS)) {
    if (sign === "{" || sign === "[") {
      open.push(sign === "{" ? new Set() : undefined);
      if (open.length > DEEPEST) refuse(position, "it is nested too deeply");
    } else if (sign === "}" || sign === "]") open.pop();
    else if (colon !== undefined) {
      // Decoded: the same key may be written with and without escapes.
      const key = word.includes("\\") ? (JSON.parse(word) as string) : word.slice(1, -1);
      if (key === "__proto__") refuse(position, '"__proto__" cannot be a key');
      const keys = open.at(-1);
      if (keys?.has(key) === true) refuse(position, `the key ${JSON.stringify(key)} occurs twice`);
      keys?.add(key);
    }
  }
}

/** A string with the colon that makes it a key, or a bracket. */
const TOKENS = /("[^"\\]*(?:\\.[^"\\]*)*")([ \n\r\t]*:)?|[{}[\]]/gu;
