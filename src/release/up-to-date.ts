import { join } from "node:path";
import type { ManifestEntry } from "../manifest/entry";
import { stillMatches, takeFingerprint, type Fingerprint } from "./fingerprint";
import { keepResult, readResult } from "./stage-results";
import type { Paths } from "../support/paths";

/** Folders whose files decide whether anything is to be done for (template, version). */
function decidingFolders(folders: Paths, template: string, version: string): readonly string[] {
  return [
    join(folders.templates, template),
    join(folders.templates, "partials"),
    folders.project(template, version),
  ];
}

interface Stamp {
  readonly inputsDigest: string;
  readonly files: Fingerprint;
}

function isStamp(value: unknown): value is Stamp {
  return (
    typeof value === "object" &&
    value !== null &&
    "inputsDigest" in value &&
    typeof value.inputsDigest === "string" &&
    "files" in value &&
    Array.isArray(value.files)
  );
}

/** Remembers which files led to an inputs digest. */
export async function keepStamp(
  folders: Paths,
  template: string,
  version: string,
  inputsDigest: string,
): Promise<void> {
  const files = await takeFingerprint(decidingFolders(folders, template, version));
  await keepResult(folders.stamp(template, version), { inputsDigest, files } satisfies Stamp);
}

/** The inputs digest as of the last run, when no file that decides it has changed since; else undefined. */
export async function rememberedInputsDigest(
  folders: Paths,
  template: string,
  version: string,
): Promise<string | undefined> {
  const stamp = await readResult(folders.stamp(template, version));
  if (!isStamp(stamp)) return undefined;
  return (await stillMatches(stamp.files, decidingFolders(folders, template, version)))
    ? stamp.inputsDigest
    : undefined;
}

/** How far a version is to be taken. */
export interface Goal {
  readonly deploy: boolean;
  readonly verify: boolean;
}

/** Whether an entry has already reached the goal. */
export function hasReached(entry: ManifestEntry, goal: Goal): boolean {
  if (!goal.deploy)
    return entry.status === "smoked" || entry.status === "deployed" || entry.status === "verified";
  if (!goal.verify) return entry.status === "deployed" || entry.status === "verified";
  return entry.status === "verified";
}

/** The newest entry of (template, version) by revision. */
export function newestEntry(
  entries: Iterable<ManifestEntry>,
  template: string,
  version: string,
): ManifestEntry | undefined {
  let newest: ManifestEntry | undefined;
  for (const entry of entries) {
    if (entry.template !== template || entry.mesaVersion !== version) continue;
    if (newest === undefined || entry.revision > newest.revision) newest = entry;
  }
  return newest;
}
