import { changedPackages } from "../../compare/compare";
import { packageLine } from "../../compare/text";
import type { Manifest } from "../../manifest/entry";
import type { PackagesChanged } from "../../manifest/report/extras";
import { sortedEntries } from "../../manifest/versions/newest";
import { readRecord, recordFolder } from "../../record/store";

/** Number of version steps shown per template. */
const STEPS = 5;

/** Package changes between each template's newest versions, as far as they were measured. */
export async function packagesChanged(root: string, manifest: Manifest): Promise<readonly PackagesChanged[]> {
  const proven = sortedEntries(manifest).filter(({ status }) => status !== "failed" && status !== "revoked");
  const templates = [...new Set(proven.map(({ template }) => template))].sort();
  const changed: PackagesChanged[] = [];
  for (const template of templates) {
    const newest = proven.filter((entry) => entry.template === template).slice(0, STEPS + 1);
    const records = await Promise.all(newest.map(async (entry) => readRecord(recordFolder(root, entry))));
    for (const [at, to] of records.entries()) {
      const from = records[at + 1];
      if (to === undefined || from === undefined) continue;
      const lines = changedPackages(from.record, to.record).map(packageLine);
      changed.push({ from: from.record.id, to: to.record.id, lines });
    }
  }
  return changed;
}
