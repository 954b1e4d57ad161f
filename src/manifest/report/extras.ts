import { escaped } from "./chart";

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
export interface ReportExtras {
  readonly packages?: readonly PackagesChanged[] | undefined;
  readonly drift?: readonly OpenDrift[] | undefined;
}

const PACKAGES_SHOWN = 20;

function bullets(lines: readonly string[], style = ""): string {
  return lines.length === 0
    ? ""
    : `<ul${style === "" ? "" : ` class="${style}"`}>${lines.map((line) => `<li>${escaped(line)}</li>`).join("")}</ul>`;
}

export function packagesPart(packages: readonly PackagesChanged[]): string {
  if (packages.length === 0) return '<p class="none">No two versions of a template were measured yet.</p>';
  return packages
    .map(({ from, to, lines }) => {
      const more = lines.length - PACKAGES_SHOWN;
      return `<h3>${escaped(from)} → ${escaped(to)}</h3>${lines.length === 0 ? '<p class="none">The same packages.</p>' : bullets(lines.slice(0, PACKAGES_SHOWN))}${more > 0 ? `<p class="none">… and ${String(more)} more: mesa-template diff ${escaped(from)} ${escaped(to)}</p>` : ""}`;
    })
    .join("");
}

export function driftPart(drift: readonly OpenDrift[]): string {
  if (drift.length === 0) return '<p class="none">No version to compare yet.</p>';
  return drift
    .map(({ id, differs, notCompared }) => {
      const none = notCompared.length === 0 ? "No differences." : "No differences in what was compared.";
      return `<h3>${escaped(id)}</h3>${differs.length === 0 ? `<p class="good">${none}</p>` : bullets(differs, "bad")}${bullets(
        notCompared.map((line) => `not compared: ${line}`),
        "warn",
      )}`;
    })
    .join("");
}
