import { Failure, firstProblem, messageOf } from "../support/errors";
import { readIfPresent } from "../support/files/files";
import { contradictions } from "./check";
import { EMPTY_MANIFEST, manifestSchema, type Manifest } from "./entry";
import { migrate } from "./migrate";
import { lineAt, lineOfPath, misshapen, refuseLooseJson, unreadable } from "./unreadable";

/** The line of a JSON syntax error. V8 reports the position, or quotes up to ten characters before it and after it, or the text just ends. */
function lineOfSyntaxError(text: string, error: unknown): number {
  const [, position, token = "", cut, around] =
    /position (\d+)|^Unexpected token '(.)', (\.\.\.)?"([^]*)"(?:\.\.\.)? is not valid JSON$/u.exec(
      messageOf(error),
    ) ?? [];
  if (around === undefined) return lineAt(text, position === undefined ? text.length : Number(position));
  return lineAt(text, text.indexOf(around) + (cut === undefined ? around.indexOf(token) : 10));
}

/** The message of JSON.parse without quoted pieces of the file, which may be lines long. */
function syntaxProblem(text: string, error: unknown, path: string): Failure {
  const conflict = /^(<{7}|={7}|>{7})(?: |\r?$)/mu.exec(text);
  if (conflict !== null) {
    return new Failure({
      code: "MANIFEST_CONFLICT",
      kind: "manifest",
      message: `${path}, line ${String(lineAt(text, conflict.index))}: the file has git conflict markers.`,
      hint: "Join both sides, in the folder that has dockerfiles/: git show :3:./dockerfiles/manifest.json > theirs.json && git checkout --ours dockerfiles/manifest.json && mesa-template manifest merge theirs.json",
    });
  }
  if (text.startsWith("\uFEFF")) return unreadable(path, 1, "it begins with a byte order mark");
  const words = firstProblem(error).slice(0, 120);
  return unreadable(path, lineOfSyntaxError(text, error), `it is not JSON (${words})`, error);
}

/**
 * Parses a manifest's form; does not check its entries. Looks for conflict markers and a byte order mark only in text that is not JSON,
 * because JSON contains neither.
 * @throws Failure MANIFEST_UNREADABLE, MANIFEST_CONFLICT, MANIFEST_NEWER (exit 8) with the line
 */
export function parseShape(text: string, path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw syntaxProblem(text, error, path);
  }
  refuseLooseJson(text, path);
  const parsed = manifestSchema.safeParse(migrate(value, text, path));
  if (parsed.success) return parsed.data;
  throw misshapen(text, path, parsed.error);
}

/**
 * Parses and checks a manifest.
 * @throws Failure MANIFEST_UNREADABLE, MANIFEST_CONFLICT, MANIFEST_NEWER, MANIFEST_CONTRADICTION (exit 8) with the line
 */
export function parseManifest(text: string, path: string): Manifest {
  const manifest = parseShape(text, path);
  const [first, ...others] = contradictions(manifest);
  if (first === undefined) return manifest;
  throw new Failure({
    code: "MANIFEST_CONTRADICTION",
    kind: "manifest",
    message: `${path}, line ${String(lineOfPath(text, first.path))}: ${first.where}: ${first.message}${others.length === 0 ? "" : ` (and ${String(others.length)} more problems)`}.`,
    hint: "Nothing was changed. mesa-template manifest check lists all problems; fix the file, or restore the last good one from git.",
  });
}

/** The text of a regular file; undefined if there is none. @throws Failure MANIFEST_UNREADABLE (exit 8) */
export async function readManifestText(path: string): Promise<string | undefined> {
  try {
    return (await readIfPresent(path))?.toString("utf8");
  } catch (error) {
    throw new Failure({
      code: "MANIFEST_UNREADABLE",
      kind: "manifest",
      message: `${path} cannot be read: ${messageOf(error)
        .replace(`${path}: `, "")
        .replace(path, "it")
        .replace(/\.$/u, "")}.`,
      hint: "Check the path and its permissions.",
      cause: error,
    });
  }
}

/** Reads a manifest; EMPTY_MANIFEST if there is no file. @throws Failure of kind manifest (exit 8) */
export async function readManifest(path: string): Promise<Manifest> {
  const text = await readManifestText(path);
  return text === undefined ? EMPTY_MANIFEST : parseManifest(text, path);
}
