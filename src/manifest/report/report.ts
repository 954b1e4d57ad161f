import compare from "semver/functions/compare";
import type { Manifest, ManifestEntry } from "../entry";
import { barChart, escaped } from "./chart";

const STYLE = `
:root{color-scheme:light dark;--ink:#1d2330;--soft:#5c667a;--paper:#fbfbfd;--card:#fff;--line:#dfe3ea;--bar:#3b6fd4;--good:#1f7a4d;--bad:#b3372c;--warn:#8a6100}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaf1;--soft:#9aa5ba;--paper:#12151c;--card:#1a1f29;--line:#2c3443;--bar:#6d9bf0;--good:#5cc592;--bad:#f08a80;--warn:#e0b354}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.7rem;margin:.2rem 0}h2{font-size:1.15rem;margin:2rem 0 .6rem}p.sub{color:var(--soft);margin:0}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem;overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line);white-space:nowrap}th{color:var(--soft);font-weight:600}tr:last-child td{border-bottom:0}
.verified,.deployed{color:var(--good)}.failed,.revoked{color:var(--bad)}.smoked,.removed{color:var(--warn)}
svg{width:100%;height:auto;min-width:30rem}svg text{fill:var(--ink);font:13px system-ui,sans-serif}svg .label,svg .value{fill:var(--soft)}svg .bar{fill:var(--bar)}
ol.time{list-style:none;margin:0;padding:0}ol.time li{border-left:3px solid var(--bar);padding:.15rem 0 .6rem .9rem;margin-left:.3rem}ol.time .when{color:var(--soft);font-size:.85rem}
@media print{body{background:#fff;color:#000}.card{border-color:#999;break-inside:avoid}h2{break-after:avoid}}
`;

function newestFirst(manifest: Manifest): ManifestEntry[] {
  return Object.values(manifest.versions).sort(
    (a, b) =>
      compare(b.mesaVersion, a.mesaVersion) ||
      (a.template < b.template ? -1 : a.template > b.template ? 1 : b.revision - a.revision),
  );
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

function channelsTable(manifest: Manifest): string {
  const rows = Object.entries(manifest.channels).flatMap(([template, channels]) =>
    Object.entries(channels).map(([channel, id]) => {
      const entry = manifest.versions[id];
      return row([
        escaped(template),
        `<strong>${escaped(channel)}</strong>`,
        escaped(id),
        `<span class="${entry?.status ?? ""}">${entry?.status ?? "missing"}</span>`,
        escaped(entry?.deployment?.image ?? "–"),
      ]);
    }),
  );
  return rows.length === 0
    ? "<p>No channels yet.</p>"
    : `<table><tr><th>template</th><th>channel</th><th>version</th><th>status</th><th>image</th></tr>${rows.join("")}</table>`;
}

function timeLine(manifest: Manifest): string {
  const moves = [...manifest.history].reverse().slice(0, 40);
  if (moves.length === 0) return "<p>No channel was ever moved.</p>";
  const items = moves.map(
    (move) =>
      `<li><div class="when">${escaped(move.at.slice(0, 16).replace("T", " "))} UTC · ${escaped(move.by)}</div><div><strong>${escaped(move.channel)}</strong> of ${escaped(move.template)}: ${escaped(move.from ?? "nothing")} → ${escaped(move.to ?? "nothing")} <em>(${escaped(move.action)}${move.reason === undefined ? "" : `: ${escaped(move.reason)}`})</em></div></li>`,
  );
  return `<ol class="time">${items.join("")}</ol>`;
}

function versionsTable(entries: readonly ManifestEntry[]): string {
  const rows = entries.map((entry) =>
    row([
      escaped(entry.id),
      `<span class="${entry.status}">${entry.status}</span>`,
      `${(entry.image.sizeBytes / 1_000_000).toFixed(1)} MB`,
      String(entry.image.layers),
      `${String(entry.smoke.passed)}/${String(entry.smoke.passed + entry.smoke.failed + entry.smoke.skipped)} in ${(entry.smoke.durationMs / 1000).toFixed(1)} s`,
      escaped(entry.deployment?.image ?? entry.failure?.message ?? entry.revocation?.reason ?? "–"),
    ]),
  );
  return `<table><tr><th>version</th><th>status</th><th>size</th><th>layers</th><th>smoke</th><th>image, or why not</th></tr>${rows.join("")}</table>`;
}

export interface ReportExtras {
  /** Differences that drift found, one a line; undefined: it was not looked for. */
  readonly drift?: readonly string[];
  /** Packages changed from one version to the next, one a line. */
  readonly packages?: readonly string[];
}

function list(title: string, lines: readonly string[] | undefined, none: string): string {
  if (lines === undefined) return "";
  return `<h2>${title}</h2><div class="card">${lines.length === 0 ? `<p>${none}</p>` : `<ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join("")}</ul>`}</div>`;
}

/** One self-contained page: no scripts, nothing loaded from anywhere; light, dark, phone and paper. */
export function reportPage(manifest: Manifest, madeAt: string, extras: ReportExtras = {}): string {
  const entries = newestFirst(manifest);
  const oldestFirst = [...entries].reverse().slice(-24);
  const sizes = oldestFirst.map((entry) => ({ label: entry.id, value: entry.image.sizeBytes / 1_000_000 }));
  const times = oldestFirst.map((entry) => ({ label: entry.id, value: entry.smoke.durationMs / 1000 }));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Mesa templates on Blaxel</title><style>${STYLE}</style></head>
<body><main><h1>Mesa templates on Blaxel</h1><p class="sub">${String(entries.length)} versions of ${String(new Set(entries.map((entry) => entry.template)).size)} templates · ${escaped(madeAt.slice(0, 16).replace("T", " "))} UTC</p>
<h2>Channels</h2><div class="card">${channelsTable(manifest)}</div>
<h2>Versions</h2><div class="card">${versionsTable(entries)}</div>
<h2>Who moved what</h2><div class="card">${timeLine(manifest)}</div>
<h2>Size over versions</h2><div class="card">${sizes.length === 0 ? "<p>Nothing built yet.</p>" : barChart(sizes, "MB")}</div>
<h2>Smoke times</h2><div class="card">${times.length === 0 ? "<p>Nothing proven yet.</p>" : barChart(times, "s")}</div>
${list("Packages changed", extras.packages, "None.")}${list("Open drift", extras.drift, "None.")}
</main></body></html>
`;
}
