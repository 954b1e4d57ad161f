import type { BuiltComparison, Change, Comparison, FilePatch } from "./comparison";
import { atMost, changeText, filesText, isSame, packageLine, section, shown, sizeText } from "./text";

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
      ...atMost(inputs.map(changeText), 2 * NAMED, " inputs"),
      ...listed("rendered files", rendered.map(patchSize)),
      ...(built === null ? ["packages, files and sizes are known once it is built"] : builtLines(built)),
    ]),
    "\n--full shows every line, file and time.\n",
  ].join("");
}

/** A line that names things; none if there is nothing to name. */
function listed(what: string, names: readonly string[]): readonly string[] {
  return names.length === 0 ? [] : [`${what}: ${names.join(", ")}`];
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
  const { packages, environment, config, files } = built;
  return [
    ...mount,
    ...listed("removed packages", gone(packages)),
    ...listed("removed variables", gone(environment)),
    ...config.filter(({ name }) => RELIED_ON.includes(name)).map(changeText),
    ...listed("gained setuid or setgid", files.setuid.added.slice(0, NAMED)),
  ];
}

function gone(all: readonly Change[]): readonly string[] {
  const removed = all.filter(({ to }) => to === null);
  return atMost(
    removed.map(({ name, from }) => `${name} ${shown(from)}`),
    4 * NAMED,
  );
}

function patchSize({ file, patch }: FilePatch): string {
  const count = (sign: string): number =>
    patch.split("\n").filter((line) => line.startsWith(sign) && !line.startsWith(sign.repeat(3))).length;
  return `${file} (+${String(count("+"))} -${String(count("-"))})`;
}

function builtLines({ packages, files, environment, sizeBytes, smoke }: BuiltComparison): readonly string[] {
  const kept = packages.filter(({ to }) => to !== null);
  const added = kept.filter(({ from }) => from === null).length;
  const named = `${kept.slice(0, NAMED).map(packageLine).join("; ")}${kept.length > NAMED ? "; …" : ""}`;
  return [
    ...(kept.length === 0
      ? []
      : [`packages: ${String(added)} added, ${String(kept.length - added)} changed (${named})`]),
    ...(Math.abs(sizeBytes.to - sizeBytes.from) < NOTABLE_SIZE * sizeBytes.from ? [] : [sizeText(sizeBytes)]),
    ...(files.added.length + files.removed.length + files.changed.length === 0 ? [] : [filesText(files)]),
    ...environment
      .filter(({ to }) => to !== null)
      .slice(0, NAMED)
      .map((change) => `environment: ${changeText(change)}`),
    ...listed("lost setuid or setgid", files.setuid.removed.slice(0, NAMED)),
    ...atMost(
      smoke
        .filter(({ from, to }) => from?.outcome !== to?.outcome)
        .map(({ name, from, to }) => `check ${name}: ${from?.outcome ?? "none"} → ${to?.outcome ?? "none"}`),
      NAMED,
      " checks with a different result",
    ),
  ];
}
