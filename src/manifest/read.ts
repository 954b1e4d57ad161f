import { readIfPresent } from "../support/files";
import { Failure, hasErrno, messageOf } from "../support/errors";
import { EMPTY_MANIFEST, manifestSchema, type Manifest } from "./entry";
import { migrate } from "./migrate";
import { duplicateKey } from "./duplicate-key";
import { hasManifestShape } from "./quick-shape";

function unreadable(path: string, line: number, why: string, cause?: unknown): Failure {
  return new Failure({
    code: "MANIFEST_UNREADABLE",
    kind: "manifest",
    message: `${path}, line ${String(line)}: ${why}.`,
    hint: "Nothing was changed. Mend the file by hand or take the last good one from git; mesa-template manifest check says what is wrong with it.",
    cause,
  });
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split("\n").length;
}

/** Where a JSON parser stopped: V8 tells the position, or nothing when the text just ends. */
function lineOfSyntaxError(text: string, error: unknown): number {
  const position = /position (\d+)/u.exec(messageOf(error))?.[1];
  return lineAt(text, position === undefined ? text.length : Number(position));
}

function versionCount(value: unknown): number | undefined {
  const versions = (value as { readonly versions?: unknown } | null)?.versions;
  return typeof versions === "object" && versions !== null ? Object.keys(versions).length : undefined;
}

/**
 * A manifest from its text.
 * @throws Failure MANIFEST_UNREADABLE, MANIFEST_CONFLICT, MANIFEST_NEWER (exit 8) with the place
 */
export function parseManifest(text: string, path: string): Manifest {
  const conflict = /^(<{7}|={7}|>{7})(?: |$)/mu.exec(text);
  if (conflict !== null) {
    throw new Failure({
      code: "MANIFEST_CONFLICT",
      kind: "manifest",
      message: `${path}, line ${String(lineAt(text, conflict.index))}: there are git conflict markers in it.`,
      hint: "Take both sides apart (git show :2:… and :3:…) and join them with mesa-template manifest merge A B.",
    });
  }
  if (text.startsWith("\uFEFF")) throw unreadable(path, 1, "it begins with a byte order mark");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unreadable(
      path,
      lineOfSyntaxError(text, error),
      `it is not JSON (${messageOf(error).slice(0, 120)})`,
      error,
    );
  }
  const twice = duplicateKey(text, versionCount(value));
  if (twice !== undefined)
    throw unreadable(path, lineAt(text, twice.position), `"${twice.key}" stands there twice`);
  const migrated = migrate(value, path);
  if (hasManifestShape(migrated)) return migrated;
  const parsed = manifestSchema.safeParse(migrated);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = (issue?.path ?? []).map(String);
  const key = where.at(-1) ?? "";
  const position = key === "" ? 0 : Math.max(0, text.indexOf(JSON.stringify(key)));
  throw unreadable(
    path,
    lineAt(text, position),
    `${where.join(" → ") || "the file"}: ${issue?.message ?? "is not a manifest"}`,
  );
}

/** The manifest at a path; an absent file is an empty one. @throws Failure of kind manifest (exit 8) */
export async function readManifest(path: string): Promise<Manifest> {
  let data: Buffer | undefined;
  try {
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
  return data === undefined ? EMPTY_MANIFEST : parseManifest(data.toString("utf8"), path);
}
