import { stat } from "node:fs/promises";
import { readIfPresent } from "../support/files";
import { Failure, hasErrno, messageOf } from "../support/errors";
import { duplicateKey } from "./duplicate-key";
import { EMPTY_MANIFEST, type Manifest } from "./entry";
import { migrate } from "./migrate";
import { hasManifestShape } from "./quick-shape";
import { tooDeepAt } from "./too-deep";
import { lineAt, lineOfPath, unreadable } from "./unreadable";

/** A manifest, and the file it was read from. */
export interface ManifestFile {
  readonly manifest: Manifest;
  /** undefined: there is no file. */
  readonly source: { readonly text: string; readonly bytes: Buffer } | undefined;
}

/** Where a JSON parser stopped: V8 tells the position, or nothing when the text just ends. */
function lineOfSyntaxError(text: string, error: unknown): number {
  const position = /position (\d+)/u.exec(messageOf(error))?.[1];
  return lineAt(text, position === undefined ? text.length : Number(position));
}

/** What JSON.parse says, without the pieces of the file that it quotes: they may be lines long. */
function syntaxProblem(text: string, error: unknown, path: string): Failure {
  const conflict = /^(<{7}|={7}|>{7})(?: |\r?$)/mu.exec(text);
  if (conflict !== null) {
    return new Failure({
      code: "MANIFEST_CONFLICT",
      kind: "manifest",
      message: `${path}, line ${String(lineAt(text, conflict.index))}: there are git conflict markers in it.`,
      hint: "Take both sides apart (git show :2:… and :3:…) and join them with mesa-template manifest merge A B.",
    });
  }
  if (text.startsWith("\uFEFF")) return unreadable(path, 1, "it begins with a byte order mark");
  const words = messageOf(error).split("\n")[0] ?? "";
  return unreadable(path, lineOfSyntaxError(text, error), `it is not JSON (${words.slice(0, 120)})`, error);
}

/** How much of a text is looked at for keys that stand twice. */
export type Thoroughness = "versions and all around them" | "every key";

/**
 * A manifest from its text. Conflict markers and a byte order mark are looked for only in what is not JSON: no JSON holds them.
 * @throws Failure MANIFEST_UNREADABLE, MANIFEST_CONFLICT, MANIFEST_NEWER (exit 8) with the place
 */
export async function parseManifest(
  text: string,
  path: string,
  look: Thoroughness = "versions and all around them",
): Promise<Manifest> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw syntaxProblem(text, error, path);
  }
  const deep = tooDeepAt(text);
  if (deep !== undefined) throw unreadable(path, lineAt(text, deep), "it goes deeper than any manifest does");
  const twice = duplicateKey(text, look === "every key" ? undefined : value);
  if (twice !== undefined)
    throw unreadable(path, lineAt(text, twice.position), `"${twice.key}" stands there twice`);
  const migrated = migrate(value, text, path);
  if (hasManifestShape(migrated)) return migrated;
  const { manifestSchema } = await import("./schema");
  const parsed = manifestSchema.safeParse(migrated);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = (issue?.path ?? []).map(String);
  throw unreadable(
    path,
    lineOfPath(text, where),
    `${where.join(" → ") || "the file"}: ${issue?.message ?? "is not a manifest"}`,
  );
}

/** A hundred thousand versions take some 100 MB; what is larger cannot be held as one text. */
const LARGEST_BYTES = 256 * 1024 * 1024;

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return 0;
    throw error;
  }
}

/** The manifest at a path and its file; an absent file is an empty one. @throws Failure of kind manifest (exit 8) */
export async function readManifestFile(path: string, look?: Thoroughness): Promise<ManifestFile> {
  let data: Buffer | undefined;
  try {
    const size = await sizeOf(path);
    if (size > LARGEST_BYTES)
      throw new Error(`it takes ${String(Math.round(size / 1_000_000))} MB, which no manifest does`);
    data = await readIfPresent(path);
  } catch (error) {
    const why = hasErrno(error, "EISDIR") ? "it is a folder" : messageOf(error);
    throw new Failure({
      code: "MANIFEST_UNREADABLE",
      kind: "manifest",
      message: `${path} cannot be read: ${why}.`,
      hint: "Check the path and its permissions.",
      cause: error,
    });
  }
  if (data === undefined) return { manifest: EMPTY_MANIFEST, source: undefined };
  const text = data.toString("utf8");
  return { manifest: await parseManifest(text, path, look), source: { text, bytes: data } };
}

/** The manifest at a path; an absent file is an empty one. @throws Failure of kind manifest (exit 8) */
export async function readManifest(path: string): Promise<Manifest> {
  return (await readManifestFile(path)).manifest;
}
