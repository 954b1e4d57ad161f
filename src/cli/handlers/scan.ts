import { join } from "node:path";
import type { CommandHandler } from "../command";
import { openManifest, type OpenedManifest } from "../manifest-context";
import { pointers } from "../../manifest/channels/pointing";
import { sortedEntries } from "../../manifest/versions/newest";
import { rescan, type Rescan } from "../../build/rescan";
import { vulnerabilityText } from "../../build/scan";
import type { Severity } from "../../build/severity";
import type { ManifestEntry } from "../../manifest/entry";
import { SBOM_FILE } from "../../record/index";
import { measuredVersion } from "../../record/store";
import { EXIT_CODES } from "../../support/errors";
import { paths } from "../../support/files/paths";

type Scanned = Omit<Rescan, "keep"> & { readonly id: string };

export const run: CommandHandler = async (args, context) => {
  const opened = await openManifest(context);
  const refs = args.list("refs");
  const entries = refs.length === 0 ? pointedAt(opened) : [...new Set(refs.flatMap(opened.entries))];
  const severity = (args.text("severity") ?? "low") as Severity;
  const scanned: Scanned[] = [];
  const keeps: Rescan["keep"][] = [];
  // In sequence, because they share the scanner's database.
  for (const entry of entries) {
    await measuredVersion(context.root, entry);
    const folder = paths(context.root).record(entry);
    const { keep, ...result } = await rescan(context.host, folder, join(folder, SBOM_FILE), severity);
    scanned.push({ id: entry.id, ...result });
    keeps.push(keep);
  }
  // Not before: what is new in one version would be lost where the scan of another one fails.
  for (const keep of keeps) await keep();
  const fresh = scanned.some((one) => one.fresh.length > 0);
  return {
    exitCode: fresh ? EXIT_CODES.drift : EXIT_CODES.done,
    json: { versions: scanned.map(({ fresh: found, ...rest }) => ({ ...rest, new: found })) },
    text:
      scanned.map(textOf).join("") ||
      "No channel points at a version yet. Name what to scan: mesa-template scan 0.20.0\n",
  };
};

/** The versions that channels point at. */
function pointedAt({ manifest, isAsked }: OpenedManifest): readonly ManifestEntry[] {
  const ids = new Set(pointers(manifest).map(({ id }) => id));
  return sortedEntries(manifest).filter(({ id, template }) => ids.has(id) && isAsked(template));
}

function textOf({ id, scanner, before, found, fresh }: Scanned): string {
  const since = before === null ? "first scan" : `since ${before.slice(0, 10)}`;
  const head = `${id}  ${scanner}: ${String(found)} found, ${String(fresh.length)} new (${since})\n`;
  return head + fresh.map((one) => `  ${vulnerabilityText(one)}\n`).join("");
}
