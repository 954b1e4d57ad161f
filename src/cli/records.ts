import type { ManifestEntry } from "../manifest/entry";
import { readRecord, recordFolder } from "../record/store";
import type { Measured } from "../record/record";
import { Failure } from "../support/errors";

/** What was measured of a version. @throws Failure NOT_MEASURED (exit 8) when its record is not there */
export async function measuredVersion(root: string, entry: ManifestEntry): Promise<Measured> {
  const folder = recordFolder(root, entry);
  const measured = await readRecord(folder);
  if (measured !== undefined) return measured;
  throw new Failure({
    code: "NOT_MEASURED",
    kind: "manifest",
    message: `Nothing is kept of what was measured when ${entry.id} was built: ${folder} is missing.`,
    hint: `Restore it from git, or measure again: mesa-template release ${entry.mesaVersion} --template ${entry.template} --force.`,
  });
}
