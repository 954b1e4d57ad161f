import { stat } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson } from "./canonical-json";
import { hasErrno } from "./errors";
import { readIfPresent, writeAtomically } from "./files";

/** What is kept of a body that was read: what it holds, and how its file looked then. */
interface KeptFacts {
  readonly size: number;
  readonly mtimeMs: number;
  readonly facts: unknown;
}

const factsPath = (dir: string, hash: string): string => join(dir, "facts", `${hash}.json`);
const bodyPath = (dir: string, hash: string): string => join(dir, "sha256", hash);

/** The facts kept of the body with this sha256, while its file has the size and time it had when they were read; else undefined. */
export async function keptFacts(dir: string, hash: string): Promise<unknown> {
  const data = await readIfPresent(factsPath(dir, hash));
  const now = await looksOf(bodyPath(dir, hash));
  const kept = data === undefined ? undefined : parseFacts(data.toString("utf8"));
  if (kept === undefined || now === undefined) return undefined;
  return kept.size === now.size && kept.mtimeMs === now.mtimeMs ? kept.facts : undefined;
}

/** Keeps the facts of a body, where the body itself is kept. */
export async function keepFacts(dir: string, hash: string, facts: unknown): Promise<void> {
  const now = await looksOf(bodyPath(dir, hash));
  if (now !== undefined) await writeAtomically(factsPath(dir, hash), canonicalJson({ ...now, facts }));
}

async function looksOf(
  path: string,
): Promise<{ readonly size: number; readonly mtimeMs: number } | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { size, mtimeMs };
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Undefined where the file is not one of ours: the body is then simply read again. */
function parseFacts(text: string): KeptFacts | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("facts" in value)) return undefined;
    if (!("size" in value) || typeof value.size !== "number") return undefined;
    if (!("mtimeMs" in value) || typeof value.mtimeMs !== "number") return undefined;
    return { size: value.size, mtimeMs: value.mtimeMs, facts: value.facts };
  } catch {
    return undefined;
  }
}
