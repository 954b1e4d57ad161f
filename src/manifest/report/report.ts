import Handlebars from "handlebars";
import type { Manifest, ManifestEntry } from "../entry";
import { pointers } from "../channels/pointing";
import { sortedEntries, templatesOf } from "../versions/newest";
import { imagesShown } from "../versions/in-workspace";
import { workspacesOf } from "../versions/usable-image";
import { PAGE } from "./page";
import { timeLine } from "./timeline";

/** Package changes between a version and the previous one. */
export interface PackagesChanged {
  readonly from: string;
  readonly to: string;
  /** One per line; empty: the same packages. */
  readonly lines: readonly string[];
}

/** Drift of one version. */
export interface OpenDrift {
  readonly id: string;
  /** Differences, one per line. */
  readonly differs: readonly string[];
  /** What could not be compared, and why. */
  readonly notCompared: readonly string[];
}

/** Parts of the report that are not in the manifest; undefined: not requested. */
interface ReportExtras {
  readonly packages: readonly PackagesChanged[] | undefined;
  readonly drift: readonly OpenDrift[] | undefined;
}

const [MOVES_SHOWN, VERSIONS_SHOWN, BARS_SHOWN, PACKAGES_SHOWN] = [40, 200, 12, 20];

/** One self-contained page without scripts or external resources, for light and dark, phone and paper. */
export function reportPage(manifest: Manifest, madeAt: string, { packages, drift }: ReportExtras): string {
  const entries = sortedEntries(manifest);
  const [only, ...others] = workspacesOf(manifest);
  // The only workspace need not be named.
  const workspace = others.length === 0 ? only : undefined;
  const view = {
    counted: `${counted(entries.length, "version")} of ${counted(templatesOf(entries).length, "template")}`,
    madeAt: minute(madeAt),
    channels: pointers(manifest).map((pointer) => {
      const entry = manifest.versions[pointer.id];
      const images = entry === undefined ? "" : imagesShown(entry, workspace);
      return { ...pointer, status: entry?.status ?? "missing", images: images || "–" };
    }),
    ...timeLine(manifest, madeAt),
    moves: manifest.history
      .slice(-MOVES_SHOWN)
      .reverse()
      .map(({ template, channel, from, to, action, at, by, reason }) => ({
        when: minute(at),
        by,
        template,
        channel: channel ?? "",
        from: from ?? "nothing",
        to: to ?? "nothing",
        what: reason === undefined ? action : `${action}: ${reason}`,
      })),
    olderMoves: Math.max(0, manifest.history.length - MOVES_SHOWN),
    versions: entries.slice(0, VERSIONS_SHOWN).map((entry) => {
      const { passed, failed, skipped, durationMs } = entry.smoke;
      return {
        id: entry.id,
        status: entry.status,
        size: megabytes(entry),
        layers: entry.image.layers,
        smoke: `${String(passed)}/${String(passed + failed + skipped)} in ${(durationMs / 1000).toFixed(1)} s`,
        images: imagesOrWhyNot(entry, workspace),
      };
    }),
    olderVersions: Math.max(0, entries.length - VERSIONS_SHOWN),
    sizes: charts(entries, ({ image }) => image.sizeBytes / 1_000_000, "MB"),
    times: charts(entries, ({ smoke }) => smoke.durationMs / 1000, "s"),
    packages: packages && {
      of: packages.map(({ from, to, lines }) => ({
        from,
        to,
        lines: lines.slice(0, PACKAGES_SHOWN),
        more: Math.max(0, lines.length - PACKAGES_SHOWN),
      })),
    },
    drift: drift && { of: drift },
  };
  return Handlebars.compile<typeof view>(PAGE, { strict: true })(view);
}

function counted(count: number, word: string): string {
  return `${String(count)} ${word}${count === 1 ? "" : "s"}`;
}

function minute(at: string): string {
  return at.slice(0, 16).replace("T", " ");
}

function megabytes({ image }: ManifestEntry): string {
  return `${(image.sizeBytes / 1_000_000).toFixed(1)} MB`;
}

function imagesOrWhyNot(entry: ManifestEntry, workspace: string | undefined): string {
  const { status, failure, revocation, deployments } = entry;
  if (status === "revoked") return `revoked: ${revocation?.reason ?? "no reason given"}`;
  if (status === "failed")
    return `${failure?.stage ?? "it"} failed: ${failure?.message ?? "no cause recorded"}`;
  const were = Object.values(deployments).map(({ image }) => image);
  if (status === "removed") return `removed${were.length === 0 ? "" : `, was ${were.join(", ")}`}`;
  return imagesShown(entry, workspace) || "–";
}

/** One bar chart per template, oldest first: sizes of different distributions are not comparable. */
function charts(entries: readonly ManifestEntry[], valueOf: (entry: ManifestEntry) => number, unit: string) {
  return templatesOf(entries).map((template) => {
    const newest = entries.filter((entry) => entry.template === template).slice(0, BARS_SHOWN);
    const highest = Math.max(1, ...newest.map(valueOf));
    return newest.reverse().map((entry) => {
      const value = valueOf(entry);
      const width = ((100 * value) / highest).toFixed(1);
      return { label: entry.id, width, value: `${value.toFixed(value < 10 ? 1 : 0)} ${unit}` };
    });
  });
}
