import type { Manifest, ManifestEntry } from "../entry";
import { pointers } from "../channels/pointing";
import { sortedEntries, templatesOf } from "../versions/newest";
import { imagesShown } from "../versions/in-workspace";
import { workspacesOf } from "../versions/usable-image";
import { barChart, escaped, timeLine } from "./chart";
import { driftPart, packagesPart, type ReportExtras } from "./extras";
import { STYLE } from "./style";

/** A table whose cells carry their column's name, so that a phone can show each row as a list. Cells are HTML. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[]): string =>
    row.map((cell, at) => `<td data-name="${head[at] ?? ""}">${cell}</td>`).join("");
  return `<table><thead><tr>${head.map((name) => `<th>${name}</th>`).join("")}</tr></thead><tbody>${rows.map((row) => `<tr>${cells(row)}</tr>`).join("")}</tbody></table>`;
}

function channelsTable(manifest: Manifest): string {
  const rows = pointers(manifest).map(({ template, channel, id }) => {
    const entry = manifest.versions[id];
    return [
      escaped(template),
      `<strong>${escaped(channel)}</strong>`,
      escaped(id),
      `<span class="${entry?.status ?? ""}">${entry?.status ?? "missing"}</span>`,
      escaped((entry === undefined ? "" : imagesShown(entry, onlyWorkspace(manifest))) || "–"),
    ];
  });
  return rows.length === 0
    ? '<p class="none">No channels yet.</p>'
    : table(["template", "channel", "version", "status", "image"], rows);
}

/** The only workspace, which need not be named. */
function onlyWorkspace(manifest: Manifest): string | undefined {
  const [only, ...others] = workspacesOf(manifest);
  return others.length === 0 ? only : undefined;
}

const MOVES_SHOWN = 40;

function moveList(manifest: Manifest): string {
  const moves = [...manifest.history].reverse().slice(0, MOVES_SHOWN);
  if (moves.length === 0) return '<p class="none">No channel was ever moved.</p>';
  const items = moves.map(
    (move) =>
      `<li><div class="when">${escaped(move.at.slice(0, 16).replace("T", " "))} UTC · ${escaped(move.by)}</div><div><strong>${escaped(move.channel ?? "")}</strong> of ${escaped(move.template)}: ${escaped(move.from ?? "nothing")} → ${escaped(move.to ?? "nothing")} <em>(${escaped(move.action)}${move.reason === undefined ? "" : `: ${escaped(move.reason)}`})</em></div></li>`,
  );
  const older = manifest.history.length - moves.length;
  return `<ol class="time">${items.join("")}</ol>${older === 0 ? "" : `<p class="none">… and ${String(older)} older: mesa-template history</p>`}`;
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

function versionsTable(manifest: Manifest, entries: readonly ManifestEntry[]): string {
  const workspace = onlyWorkspace(manifest);
  const rows = entries.map((entry) => [
    escaped(entry.id),
    `<span class="${entry.status}">${entry.status}</span>`,
    `${(entry.image.sizeBytes / 1_000_000).toFixed(1)} MB`,
    String(entry.image.layers),
    `${String(entry.smoke.passed)}/${String(entry.smoke.passed + entry.smoke.failed + entry.smoke.skipped)} in ${(entry.smoke.durationMs / 1000).toFixed(1)} s`,
    escaped(imagesOrWhyNot(entry, workspace)),
  ]);
  return table(["version", "status", "size", "layers", "smoke", "image, or reason"], rows);
}

function part(title: string, content: string): string {
  return `<section><h2>${title}</h2><div class="card">${content}</div></section>`;
}

const BARS_SHOWN = 12;

/** One chart per template, oldest first: sizes of different distributions are not comparable. */
function charts(
  entries: readonly ManifestEntry[],
  valueOf: (entry: ManifestEntry) => number,
  unit: string,
): string {
  const templates = templatesOf(entries);
  if (templates.length === 0) return '<p class="none">Nothing built yet.</p>';
  return templates
    .map((template) => {
      const newest = entries.filter((entry) => entry.template === template).slice(0, BARS_SHOWN);
      const points = newest.reverse().map((entry) => ({ label: entry.id, value: valueOf(entry) }));
      return barChart(points, unit);
    })
    .join("");
}

const VERSIONS_SHOWN = 200;

/** One self-contained page without scripts or external resources, for light and dark, phone and paper. */
export function reportPage(manifest: Manifest, madeAt: string, extras: ReportExtras = {}): string {
  const entries = sortedEntries(manifest);
  const older = entries.length - VERSIONS_SHOWN;
  const parts = [
    part("Channels", channelsTable(manifest)),
    part("Channel history", `${timeLine(manifest, madeAt)}${moveList(manifest)}`),
    part(
      "Versions",
      `${versionsTable(manifest, entries.slice(0, VERSIONS_SHOWN))}${older > 0 ? `<p class="none">… and ${String(older)} older: mesa-template list</p>` : ""}`,
    ),
    part(
      "Size over versions",
      charts(entries, (entry) => entry.image.sizeBytes / 1_000_000, "MB"),
    ),
    part(
      "Smoke times",
      charts(entries, (entry) => entry.smoke.durationMs / 1000, "s"),
    ),
    ...(extras.packages === undefined ? [] : [part("Packages changed", packagesPart(extras.packages))]),
    ...(extras.drift === undefined ? [] : [part("Open drift", driftPart(extras.drift))]),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Mesa templates on Blaxel</title><style>${STYLE}</style></head>
<body><main><h1>Mesa templates on Blaxel</h1><p class="sub">${counted(entries.length, "version")} of ${counted(templatesOf(entries).length, "template")} · ${escaped(madeAt.slice(0, 16).replace("T", " "))} UTC</p>
${parts.join("\n")}
</main></body></html>
`;
}

function counted(count: number, word: string): string {
  return `${String(count)} ${word}${count === 1 ? "" : "s"}`;
}
