import { rm } from "node:fs/promises";
import { readIfPresent, writeAtomically } from "../support/files";
import { canonicalJson } from "../support/canonical-json";

/**
 * A kept result, or undefined when there is none. A file that cannot be read as JSON counts as absent: it costs the
 * stage's time again, never a fact.
 */
export async function readResult(path: string): Promise<unknown> {
  const data = await readIfPresent(path);
  if (data === undefined) return undefined;
  try {
    return JSON.parse(data.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Keeps a stage's result, so that a run that is killed goes on after it. */
export async function keepResult(path: string, value: unknown): Promise<void> {
  await writeAtomically(path, canonicalJson(value));
}

/** Forgets a kept result that is recorded elsewhere now, or no longer counts. */
export async function forgetResult(path: string): Promise<void> {
  await rm(path, { force: true });
}
