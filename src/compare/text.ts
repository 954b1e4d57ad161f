import { humanBytes } from "../support/text/bytes";
import type { BuiltComparison, Change, Comparison } from "./comparison";

/** Whether both sides are equal in everything compared, except times. */
export function isSame({ inputs, rendered, built }: Comparison): boolean {
  if (inputs.length + rendered.length > 0) return false;
  if (built === null) return true;
  const { packages, files, environment, config } = built;
  const differing = [packages, files.added, files.removed, files.changed, environment, config];
  return differing.every((list) => list.length === 0);
}

/** A value for display; digests are shortened. */
export function shown(value: string | null): string {
  return value === null ? "none" : value.replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/gu, "$1");
}

export function changeText({ name, from, to }: Change): string {
  return `${name}: ${shown(from)} → ${shown(to)}`;
}

/** "size: 100 MB → 101.2 MB (+1.2 MB)"; ±0 for the same size. */
export function sizeText({ from, to }: BuiltComparison["sizeBytes"], between = ": "): string {
  const difference = from === to ? "±0" : `${to > from ? "+" : "-"}${humanBytes(Math.abs(to - from))}`;
  return `size${between}${humanBytes(from)} → ${humanBytes(to)} (${difference})`;
}

/** How many files were added, removed and changed. */
export function filesText({ added, removed, changed }: BuiltComparison["files"]): string {
  return `files: ${String(added.length)} added, ${String(removed.length)} removed, ${String(changed.length)} changed`;
}

/** A part of the text; "" without lines. */
export function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `\n${title}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

/** At most `most` of the lines, and the number of the others, of which `rest` tells more. */
export function atMost(lines: readonly string[], most: number, rest = ""): readonly string[] {
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most), `… and ${String(lines.length - most)} more${rest}`];
}

/**
 * The comparison as text.
 * @param most number of paths shown per kind; Infinity: all
 */
export function comparisonText(comparison: Comparison, most: number): string {
  const { from, to, inputs, generation, rendered, built } = comparison;
  const head = `${from} → ${to}\n`;
  if (isSame(comparison)) return `${head}  no differences\n`;
  return [
    head,
    section("Inputs", inputs.map(changeText)),
    generation === null
      ? ""
      : section(`The mount command changes: ${generation.from.name} → ${generation.to.name}`, [
          `before: ${generation.from.forPeople}`,
          `now:    ${generation.to.forPeople}`,
        ]),
    ...rendered.map(({ file, patch }) => section(file, patch.trimEnd().split("\n"))),
    built === null ? "\n(packages, files and sizes are known once it is built)\n" : builtText(built, most),
  ].join("");
}

function builtText(built: BuiltComparison, most: number): string {
  const { packages, files, environment, config, sizeBytes } = built;
  const some = (lines: readonly string[]): readonly string[] =>
    atMost(lines, most, " (piped or with --json all are shown)");
  return [
    section("Packages", some(packages.map(packageLine))),
    section("Image", [sizeText(sizeBytes), ...config.map(changeText)]),
    section("Environment", environment.map(changeText)),
    section("Layers over the base", layerLines(built)),
    section(`Files added: ${String(files.added.length)}`, some(files.added)),
    section(`Files removed: ${String(files.removed.length)}`, some(files.removed)),
    section(
      `Files changed: ${String(files.changed.length)}`,
      some(files.changed.map(({ path, from, to }) => `${path}: ${from} → ${to}`)),
    ),
    section("Gained setuid or setgid", files.setuid.added),
    section("Lost setuid or setgid", files.setuid.removed),
    section("Smoke", smokeLines(built)),
  ].join("");
}

export function packageLine({ name, from, to }: Change): string {
  if (from === null) return `+ ${name} ${to ?? ""}`;
  return to === null ? `- ${name} ${from}` : `~ ${name} ${from} → ${to}`;
}

/** The layers that a template adds, paired in order. */
function layerLines({ layers }: BuiltComparison): readonly string[] {
  const own = (side: BuiltComparison["layers"]["from"]): BuiltComparison["layers"]["from"] =>
    side.filter((layer) => !layer.fromBase);
  const [from, to] = [own(layers.from), own(layers.to)];
  return Array.from({ length: Math.max(from.length, to.length) }, (_, at) => {
    const [before, after] = [from[at], to[at]];
    const what =
      (after ?? before)?.createdBy.replace(/^.*#\(nop\)\s*|^RUN\s+\S*sh -c\s+|\s*# buildkit$/gu, "") ?? "";
    const size = (layer: typeof before): string =>
      layer === undefined ? "none" : humanBytes(layer.sizeBytes);
    return `${size(before)} → ${size(after)}  ${what.length > 70 ? `${what.slice(0, 69)}…` : what}`;
  });
}

/** Smaller differences of a check, in ms, are noise. */
const NOTABLE_MS = 250;

/** The totals, and the checks with another outcome or a notable difference in time. */
function smokeLines({ smoke }: BuiltComparison): readonly string[] {
  const side = (time: BuiltComparison["smoke"][number]["from"]): string =>
    time === null ? "none" : `${time.outcome} ${String(time.durationMs)} ms`;
  const total = (which: "from" | "to"): string => {
    const times = smoke.flatMap((check) => check[which] ?? []);
    const passed = times.filter(({ outcome }) => outcome === "passed").length;
    const seconds = times.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
    return `${String(passed)} of ${String(times.length)} passed in ${seconds.toFixed(1)} s`;
  };
  const notable = smoke.filter(
    ({ from, to }) =>
      from?.outcome !== to?.outcome ||
      Math.abs((from?.durationMs ?? 0) - (to?.durationMs ?? 0)) >= NOTABLE_MS,
  );
  return [
    `${total("from")} → ${total("to")}`,
    ...notable.map(({ name, from, to }) => `${name}: ${side(from)} → ${side(to)}`),
  ];
}
