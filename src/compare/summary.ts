import type { BuiltComparison, Change, Comparison, FilePatch } from "./comparison";
import { changeText, filesText, isSame, packageLine, section, shown, sizeText } from "./text";

/** Number of items of a kind that are named; the others are counted. */
const NAMED = 3;

/** Relative change of an image's size from which it is reported. */
const NOTABLE_SIZE = 0.001;

/** Changes of these parts of an image's configuration can break users of the image. */
const RELIED_ON = ["entrypoint", "cmd", "user", "workdir", "ports"];

/**
 * A comparison in about twenty lines: first what breaks users of the template (the mount command and its
 * credential, removed packages, the image's configuration), then the changes, counted.
 */
export function summaryText(comparison: Comparison): string {
  const { from, to, inputs, rendered, built } = comparison;
  const head = `${from} → ${to}\n`;
  if (isSame(comparison)) return `${head}  no differences\n`;
  return [
    head,
    section("What breaks", breaking(comparison)),
    section("What changes", [
      ...inputs.slice(0, 2 * NAMED).map(changeText),
      ...more(inputs.length - 2 * NAMED, "inputs"),
      ...(rendered.length === 0 ? [] : [`rendered files: ${rendered.map(patchSize).join(", ")}`]),
      ...(built === null ? ["packages, files and sizes are known once it is built"] : builtLines(built)),
    ]),
    "\n--full shows every line, file and time.\n",
  ].join("");
}

function more(count: number, what: string): readonly string[] {
  return count > 0 ? [`… and ${String(count)} more ${what}`] : [];
}

/** What users of the template have to change; empty if nothing. */
function breaking({ generation, built }: Comparison): readonly string[] {
  const mount =
    generation === null
      ? []
      : [
          "the mount command and its credential change:",
          `  before: ${generation.from.forPeople}`,
          `  now:    ${generation.to.forPeople}`,
        ];
  if (built === null) return mount;
  const gone = built.packages.filter(({ to }) => to === null);
  const variables = built.environment.filter(({ to }) => to === null);
  const config = built.config.filter(({ name }) => RELIED_ON.includes(name));
  return [
    ...mount,
    ...(gone.length === 0 ? [] : [`removed packages: ${names(gone)}`]),
    ...(variables.length === 0 ? [] : [`removed variables: ${names(variables)}`]),
    ...config.map(changeText),
    ...(built.files.setuid.added.length === 0
      ? []
      : [`gained setuid or setgid: ${built.files.setuid.added.slice(0, NAMED).join(", ")}`]),
  ];
}

function names(all: readonly Change[]): string {
  const listed = all.slice(0, 4 * NAMED).map(({ name, from }) => `${name} ${shown(from)}`);
  return [...listed, ...more(all.length - listed.length, "")].join(", ").trim();
}

function patchSize({ file, patch }: FilePatch): string {
  const count = (sign: string): number =>
    patch.split("\n").filter((line) => line.startsWith(sign) && !line.startsWith(sign.repeat(3))).length;
  return `${file} (+${String(count("+"))} -${String(count("-"))})`;
}

function builtLines(built: BuiltComparison): readonly string[] {
  const { packages, files, environment, sizeBytes, smoke } = built;
  const kept = packages.filter(({ to }) => to !== null);
  const added = kept.filter(({ from }) => from === null);
  const differing = smoke.filter(({ from, to }) => from?.outcome !== to?.outcome);
  return [
    ...(kept.length === 0
      ? []
      : [
          `packages: ${String(added.length)} added, ${String(kept.length - added.length)} changed (${kept.slice(0, NAMED).map(packageLine).join("; ")}${kept.length > NAMED ? "; …" : ""})`,
        ]),
    ...(Math.abs(sizeBytes.to - sizeBytes.from) < NOTABLE_SIZE * sizeBytes.from ? [] : [sizeText(sizeBytes)]),
    ...(files.added.length + files.removed.length + files.changed.length === 0 ? [] : [filesText(files)]),
    ...environment
      .filter(({ to }) => to !== null)
      .slice(0, NAMED)
      .map((change) => `environment: ${changeText(change)}`),
    ...(files.setuid.removed.length === 0
      ? []
      : [`lost setuid or setgid: ${files.setuid.removed.slice(0, NAMED).join(", ")}`]),
    ...differing
      .slice(0, NAMED)
      .map(({ name, from, to }) => `check ${name}: ${from?.outcome ?? "none"} → ${to?.outcome ?? "none"}`),
    ...more(differing.length - NAMED, "checks with a different result"),
  ];
}
