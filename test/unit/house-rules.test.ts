import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SOURCE = resolve(import.meta.dirname, "../../src");
const STAGES = ["lock", "render", "build", "smoke", "publish", "deploy", "manifest", "sandbox"];
/** Rooms beside the line: what was measured of a version is kept, and two of those are compared. */
const BESIDE = ["record", "compare"];
/** Use cases: what a command does. They know stages and outside systems. */
const USE_CASES = ["release", "gc", "doctor"];
const OUTSIDE = ["docker", "blaxel", "mesa", "registry", "apt"];

/** Values that go from stage to stage: pure data, which every stage that takes them may name. */
const VALUES = [
  "lock/lock",
  "render/rendered",
  "build/image",
  "smoke/report",
  "smoke/check",
  "publish/published",
  "deploy/deployment",
  "manifest/entry",
  "record/record",
];

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly target: string;
  readonly typeOnly: boolean;
  /** Whether it is loaded when it is needed: import("…"). */
  readonly isLater: boolean;
}

function sourceFiles(): string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SOURCE, file), "utf8");
  const found = [
    ...text.matchAll(
      /(?:import|export)\s+(type\s+)?(?:[^"';]*?\s+from\s+)?"(\.[^"]+)"|import\("(\.[^"]+)"\)/gu,
    ),
  ];
  return found.map((match) => {
    const target = relative(SOURCE, resolve(SOURCE, dirname(file), match[2] ?? match[3] ?? ""));
    return {
      file,
      from: file.split("/")[0] ?? "",
      to: target.split("/")[0] ?? "",
      target,
      typeOnly: match[1] !== undefined,
      isLater: match[3] !== undefined,
    };
  });
}

/** A file, and all of ours that are loaded with it. */
function loadedWith(file: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const { target, typeOnly, isLater } of importsOf(file))
    if (!typeOnly && !isLater) loadedWith(`${target}.ts`, found);
  return found;
}

/** The packages that are loaded with a file, without Node's own. */
function packagesOf(file: string): readonly string[] {
  const text = readFileSync(join(SOURCE, file), "utf8");
  const found = text.matchAll(/^(?:import|export)\s(?!type\s)(?:[^"';]*?\sfrom\s)?"([^".][^"]*)"/gmu);
  return [...found].map(([, name = ""]) => name).filter((name) => !name.startsWith("node:"));
}

/** Why an import breaks the plan of the house, or undefined. */
function offence({ from, to, target, typeOnly }: Import): string | undefined {
  if (from === to || to === "support" || from.endsWith(".ts")) return undefined;
  if (to === "cli") return "nobody imports cli";
  if (from === "cli")
    return OUTSIDE.includes(to) && !typeOnly && target !== "blaxel/credentials"
      ? "cli parses, calls a use case and prints: outside systems are behind those"
      : undefined;
  if (from === "support") return "support imports nothing";
  if (OUTSIDE.includes(from)) return "an outside-system room imports only support";
  if (USE_CASES.includes(from)) return undefined;
  if ([...STAGES, ...BESIDE].includes(from) && (OUTSIDE.includes(to) || typeOnly || VALUES.includes(target)))
    return undefined;
  return "a stage knows outside systems and support, not other stages";
}

/** What imports itself by way of others: everything that is left when what imports nothing is taken away, again and again. */
function circles(imports: readonly (readonly [from: string, to: string])[]): readonly string[] {
  const importers = (edges: typeof imports): ReadonlySet<string> => new Set(edges.map(([from]) => from));
  const importing = importers(imports);
  const [left, before] = [imports.filter(([, to]) => importing.has(to)), imports.length];
  return left.length < before ? circles(left) : [...importing].sort();
}

describe("the plan of the house", () => {
  it("finds files and imports at all", () => {
    expect(sourceFiles().length).toBeGreaterThan(30);
    expect(sourceFiles().flatMap(importsOf).length).toBeGreaterThan(60);
  });

  it("limits time in one way, which fires: AbortSignal.any drops a time limit that is only named there", () => {
    const combined = sourceFiles().filter((file) =>
      /AbortSignal\.any\([^)]*AbortSignal\.timeout/u.test(
        readFileSync(join(SOURCE, file), "utf8").replace(/\/\*\*[\s\S]*?\*\//gu, ""),
      ),
    );
    expect(combined).toEqual([]);
  });

  it("lets imports go one way only", () => {
    const offences = sourceFiles()
      .flatMap(importsOf)
      .flatMap((found) => {
        const why = offence(found);
        return why === undefined ? [] : [`${found.file} → ${found.target}: ${why}`];
      });
    expect(offences).toEqual([]);
  });

  it("has no circles of rooms or files, types included", () => {
    const imports = sourceFiles().flatMap(importsOf);
    const files = imports.map(({ file, target }) => [file.replace(/\.ts$/u, ""), target] as const);
    const rooms = imports.filter(({ from, to }) => from !== to).map(({ from, to }) => [from, to] as const);
    expect(circles(files)).toEqual([]);
    expect(circles(rooms)).toEqual([]);
    expect(
      circles([
        ["a", "b"],
        ["b", "c"],
        ["c", "a"],
        ["c", "d"],
      ]),
    ).toEqual(["a", "b", "c"]);
  });

  it("knows an offence when it sees one", () => {
    const base = { file: "x", typeOnly: false, isLater: false };
    expect(offence({ ...base, from: "docker", to: "build", target: "build/image" })).toBeDefined();
    expect(offence({ ...base, from: "smoke", to: "deploy", target: "deploy/index" })).toBeDefined();
    expect(offence({ ...base, from: "lock", to: "cli", target: "cli/main" })).toBeDefined();
    expect(offence({ ...base, from: "cli", to: "docker", target: "docker/index" })).toBeDefined();
    expect(offence({ ...base, from: "lock", to: "registry", target: "registry/index" })).toBeUndefined();
  });

  it("loads little at each start: no schemas, no outside system, no stage", () => {
    const loaded = [...loadedWith("cli/main.ts")];
    const packages = new Set(loaded.flatMap(packagesOf));
    expect([...packages].sort()).toEqual(["fast-string-width", "fastest-levenshtein", "yargs/helpers"]);
    const others = loaded.filter((name) => !/^(?:cli|support)\//u.test(name));
    expect(others.sort()).toEqual(["build/severity.ts", "release/run.ts"]);
  });

  it("has no rooms for leftovers and no default exports", () => {
    const bad = sourceFiles().filter(
      (file) =>
        /utils|helpers|manager/iu.test(file) ||
        /^export default/mu.test(readFileSync(join(SOURCE, file), "utf8")),
    );
    expect(bad).toEqual([]);
  });
});
