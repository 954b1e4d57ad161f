import { join, resolve } from "node:path";
import { changedPackages } from "../../compare/compare";
import { packageLine } from "../../compare/text";
import { pointers } from "../../manifest/channels/pointing";
import { isWithdrawn, type Manifest, type ManifestEntry } from "../../manifest/entry";
import { reportPage, type OpenDrift, type PackagesChanged } from "../../manifest/report/report";
import { sortedEntries, templatesOf } from "../../manifest/versions/newest";
import { readRecord } from "../../record/store";
import { COMPARISONS, type DriftFinding, findDrift } from "../../release/drift";
import { isoTime } from "../../support/clock";
import { Failure, messageOf, EXIT_CODES } from "../../support/errors";
import { writeOutput } from "../../support/files/files";
import type { CommandContext, CommandHandler } from "../command";
import { openManifest, type OpenedManifest } from "../manifest-context";

export const driftCommand: CommandHandler = async (args, context) => {
  const opened = await openManifest(context);
  const ref = args.text("ref");
  const entries = ref === undefined ? inUse(opened) : opened.entries(ref);
  const findings = await findDrift(context, opened.manifest, entries);
  const drifted = findings.filter(({ differs }) => differs.length > 0);
  return {
    exitCode: drifted.length === 0 ? EXIT_CODES.done : EXIT_CODES.drift,
    json: { drift: drifted.length > 0, findings },
    text: driftText(findings) || "No version to compare yet. Release one: mesa-template release VERSION\n",
  };
};

function driftText(findings: readonly DriftFinding[]): string {
  return [...new Set(findings.map(({ id }) => id))]
    .map((id) => {
      const lines = findings
        .filter((finding) => finding.id === id)
        .map(({ comparison, differs, skipped }) => {
          const word = differs.length > 0 ? "DRIFT" : skipped === undefined ? "ok" : "-";
          const why = skipped === undefined ? "" : ` (not compared: ${skipped.replace(/\.$/u, "")})`;
          return `  ${word.padEnd(5)}  ${COMPARISONS[comparison]}${why}\n${differs.map((one) => `         ${one}\n`).join("")}`;
        });
      return `${id}\n${lines.join("")}`;
    })
    .join("");
}

export const reportCommand: CommandHandler = async (args, context) => {
  const { host, root } = context;
  const opened = await openManifest(context);
  const file = resolve(args.text("output") ?? join(root, "report.html"));
  const [packages, drift] = await Promise.all([
    packagesChanged(root, opened.manifest),
    args.flag("drift") ? openDrift(context, opened) : undefined,
  ]);
  const page = reportPage(opened.manifest, isoTime(host.clock.now()), { packages, drift });
  await writeOutput(file, page);
  return {
    json: { file, bytes: Buffer.byteLength(page), ...(drift === undefined ? {} : { drift }) },
    text: `${file}\n`,
  };
};

/** Drift of the versions in use. If a service is not responding, the report says so and omits that part. */
async function openDrift(context: CommandContext, opened: OpenedManifest): Promise<readonly OpenDrift[]> {
  const { host } = context;
  const found: OpenDrift[] = [];
  for (const entry of inUse(opened))
    try {
      const findings = await findDrift(context, opened.manifest, [entry]);
      found.push({
        id: entry.id,
        differs: findings.flatMap(({ differs }) => differs),
        notCompared: findings.flatMap(({ comparison, skipped }) =>
          skipped === undefined ? [] : [`${COMPARISONS[comparison]}: ${host.redact(skipped)}`],
        ),
      });
    } catch (error) {
      host.signal.throwIfAborted();
      if (!(error instanceof Failure)) throw error;
      found.push({ id: entry.id, differs: [], notCompared: [host.redact(messageOf(error))] });
    }
  return found;
}

/** Number of version steps shown per template. */
const STEPS = 5;

/** Package changes between each template's newest versions, as far as they were measured. */
async function packagesChanged(root: string, manifest: Manifest): Promise<readonly PackagesChanged[]> {
  const proven = sortedEntries(manifest).filter(({ status }) => status !== "failed" && status !== "revoked");
  const changed: PackagesChanged[] = [];
  for (const template of templatesOf(proven)) {
    const newest = proven.filter((entry) => entry.template === template).slice(0, STEPS + 1);
    const records = await Promise.all(newest.map(async (entry) => readRecord(root, entry)));
    for (const [at, to] of records.entries()) {
      const from = records[at + 1];
      if (to === undefined || from === undefined) continue;
      const lines = changedPackages(from.record, to.record).map(packageLine);
      changed.push({ from: from.record.id, to: to.record.id, lines });
    }
  }
  return changed;
}

/** Each template's newest proven version, and every version that a channel points at. */
function inUse({ manifest, isAsked }: OpenedManifest): readonly ManifestEntry[] {
  const pointedAt = new Set(pointers(manifest).map(({ id }) => id));
  const seen = new Set<string>();
  return sortedEntries(manifest).filter((entry) => {
    if (!isAsked(entry.template) || isWithdrawn(entry.status)) return false;
    const newest = entry.status !== "failed" && !seen.has(entry.template);
    if (newest) seen.add(entry.template);
    // A later failed verification does not take it away from the agents that use the channel.
    return newest || pointedAt.has(entry.id);
  });
}
