import { join } from "node:path";
import { canonicalJson } from "../support/text/canonical-json";
import { Failure, firstProblem } from "../support/errors";
import { readIfPresent, writeAtomically } from "../support/files/files";
import { refuseLinks } from "../support/files/links";
import { paths, type VersionFiles } from "../support/files/paths";
import { fileListText, parseFileList } from "./file-list";
import { recordSchema, type Measured } from "./record";

/** Writes a record, its list of files and the documents made from them, each atomically; the record last. */
export async function writeRecord(
  root: string,
  { record, files }: Measured,
  documents: Readonly<Record<string, string>>,
): Promise<void> {
  const folder = paths(root).record(record);
  await refuseLinks(root, folder);
  await writeAtomically(join(folder, "files.txt"), fileListText(files));
  for (const [name, text] of Object.entries(documents)) await writeAtomically(join(folder, name), text);
  await writeAtomically(join(folder, "record.json"), canonicalJson(record));
}

/**
 * Reads a record; undefined if the version was never measured.
 * @throws Failure RECORD_BROKEN (exit 8) if it is invalid
 */
export async function readRecord(root: string, version: VersionFiles): Promise<Measured | undefined> {
  const folder = paths(root).record(version);
  const [json, list] = await Promise.all([
    readIfPresent(join(folder, "record.json")),
    readIfPresent(join(folder, "files.txt")),
  ]);
  if (json === undefined) return undefined;
  try {
    return {
      record: recordSchema.parse(JSON.parse(json.toString("utf8"))),
      files: parseFileList(list?.toString("utf8") ?? ""),
    };
  } catch (error) {
    throw new Failure({
      code: "RECORD_BROKEN",
      kind: "manifest",
      message: `${folder} is not a version's record: ${firstProblem(error)}`,
      hint: "Restore it from git, or measure again: mesa-template release VERSION --force.",
      cause: error,
    });
  }
}

/** A version of the manifest: its image says whether a record is of it. */
type RecordedVersion = VersionFiles & { readonly id: string; readonly image: { readonly id: string } };

/**
 * The record of a version's image; undefined without one. A release that did not reach its end (--force), or a commit of the manifest alone,
 * leaves the record of another build.
 */
export async function recordOfImage(root: string, version: RecordedVersion): Promise<Measured | undefined> {
  const measured = await readRecord(root, version);
  return measured?.record.image.id === version.image.id ? measured : undefined;
}

/** What was measured of a version's image. @throws Failure NOT_MEASURED (exit 8) without a record */
export async function measuredVersion(root: string, version: RecordedVersion): Promise<Measured> {
  const measured = await recordOfImage(root, version);
  if (measured === undefined) throw notMeasured(root, version);
  return measured;
}

/** The failure for a version without a record. */
export function notMeasured(root: string, version: VersionFiles & { readonly id: string }): Failure {
  return new Failure({
    code: "NOT_MEASURED",
    kind: "manifest",
    message: `The build record of ${version.id} is missing, or is of another image: ${paths(root).record(version)}.`,
    hint: `Restore it from git, or measure again: mesa-template release ${version.mesaVersion} --template ${version.template} --force.`,
  });
}
