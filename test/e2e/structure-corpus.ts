import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { Engine } from "../../src/docker/index";
import { loadUpstream } from "../../src/lock/upstream";
import type { CheckResult } from "../../src/smoke/report";
import { parseStructureFile, runStructureTests, type StructureFile } from "../../src/smoke/structure/index";
import type { Host } from "../../src/support/host";
import { buildFixture } from "./fixture-image";

export const CORPUS = join(import.meta.dirname, "structure-corpus");

const BASES = {
  "Debian-like": "docker.io/library/debian:bookworm-slim",
  "Alpine-like": "docker.io/library/alpine:3.21",
};
export const KINDS = ["Debian-like", "Alpine-like"] as const;
export const imageOf = (kind: string): string => `structure-fixture:${kind.toLowerCase()}`;

export function corpus(name: string): StructureFile {
  return parseStructureFile(readFileSync(join(CORPUS, name), "utf8"), name);
}

/** Results whose verdict is not the first word of their name. A test without a name fails. */
export function surprises(results: readonly CheckResult[]): readonly string[] {
  return results
    .filter((result) => (/: PASS /u.test(result.name) ? "passed" : "failed") !== result.outcome)
    .map(
      (result) =>
        `${result.name}: ${result.outcome}; expected ${result.expected ?? "-"}, seen ${result.seen ?? "-"}`,
    );
}

/** A base image, pulled; answers with the reference it has on the engine. */
export async function pullBase(host: Host, engine: Engine, kind: keyof typeof BASES): Promise<string> {
  const { mirrors } = await loadUpstream(process.env["MESA_TEMPLATE_UPSTREAM"] ?? "");
  const reference = `${mirrors.images ?? ""}${BASES[kind]}`;
  await engine.pull({ reference, platform: "linux/amd64", signal: host.signal });
  return reference;
}

/** Builds the images that the corpus is about. */
export async function buildCorpusImages(host: Host, engine: Engine): Promise<void> {
  for (const kind of KINDS) {
    const mirrored = await pullBase(host, engine, kind);
    const dockerfile = readFileSync(join(CORPUS, "Dockerfile.fixture"), "utf8");
    await buildFixture(host, engine, imageOf(kind), dockerfile, { buildArgs: { BASE: mirrored } });
  }
}

/** Metadata tests: each is one result of a file of its own. */
const METADATA: readonly (readonly ["PASS" | "FAIL", Readonly<Record<string, unknown>>])[] = [
  ["PASS", { envVars: [{ key: "GREETING", value: "hello" }] }],
  ["FAIL", { envVars: [{ key: "GREETING", value: "hell" }] }],
  ["PASS", { envVars: [{ key: "GREETING", value: "^he(l+)o$", isRegex: true }] }],
  ["PASS", { envVars: [{ key: "GREETING", value: "ell", isRegex: true }] }],
  ["FAIL", { envVars: [{ key: "GREETING", value: "a(?=b)", isRegex: true }] }],
  ["FAIL", { envVars: [{ key: "NOWHERE", value: "" }] }],
  ["PASS", { unboundEnvVars: [{ key: "NOWHERE" }] }],
  ["FAIL", { unboundEnvVars: [{ key: "GREETING" }] }],
  ["PASS", { labels: [{ key: "team", value: "templates" }] }],
  ["PASS", { labels: [{ key: "version", value: "^\\d+\\.\\d+", isRegex: true }] }],
  ["FAIL", { labels: [{ key: "nobody", value: "x" }] }],
  ["PASS", { entrypoint: ["/opt/tools/tool"] }],
  ["FAIL", { entrypoint: [] }],
  ["FAIL", { entrypoint: ["tool"] }],
  ["PASS", { cmd: ["arg", "two words"] }],
  ["FAIL", { cmd: ["arg two words"] }],
  ["PASS", { exposedPorts: ["8080"] }],
  ["PASS", { exposedPorts: [8080, 9000] }],
  ["FAIL", { exposedPorts: ["8080/tcp"] }],
  ["FAIL", { exposedPorts: ["80"] }],
  ["PASS", { unexposedPorts: ["80", "8080/tcp"] }],
  ["FAIL", { unexposedPorts: ["8080"] }],
  ["PASS", { volumes: ["/vol"] }],
  ["FAIL", { volumes: ["/vol/"] }],
  ["PASS", { unmountedVolumes: ["/other"] }],
  ["FAIL", { unmountedVolumes: ["/vol"] }],
  ["PASS", { workdir: "/work" }],
  ["FAIL", { workdir: "/work/" }],
  ["FAIL", { user: "root" }],
  ["FAIL", { workdir: "/work", user: "root", exposedPorts: ["8080"] }],
];

/** Holds an engine to every verdict of the corpus, on each of its images. */
export function holdToCorpus(host: Host, engine: () => Engine): void {
  describe.each(KINDS)("the corpus on a %s image", (kind) => {
    it("gets the verdict that each command test must get", async () => {
      const results = await runStructureTests(host, engine(), imageOf(kind), corpus("commands.yaml"));
      expect(results.length).toBeGreaterThan(95);
      expect(surprises(results)).toEqual([]);
    });

    it("gets the verdict that each file test must get", async () => {
      const results = await runStructureTests(host, engine(), imageOf(kind), corpus("files.yaml"));
      expect(results.length).toBeGreaterThanOrEqual(70);
      expect(surprises(results)).toEqual([]);
    });

    it("gets the verdict that each metadata test must get", async () => {
      for (const [verdict, metadataTest] of METADATA) {
        const file = parseStructureFile(stringify({ schemaVersion: "2.0.0", metadataTest }), "metadata.yaml");
        const [result] = await runStructureTests(host, engine(), imageOf(kind), file);
        expect([metadataTest, result?.outcome, result?.seen]).toEqual([
          metadataTest,
          verdict === "PASS" ? "passed" : "failed",
          result?.seen,
        ]);
      }
    });

    it("expands global variables from the image's", async () => {
      const file = parseStructureFile(
        stringify({
          schemaVersion: "2.0.0",
          globalEnvVars: [
            { key: "PATH", value: "/d:$PATH" },
            { key: "TWICE", value: "$GREETING $GREETING" },
            { key: "FOLDER", value: "d" },
          ],
          commandTests: [
            {
              name: "PASS in arguments",
              command: "echo",
              args: ["$TWICE"],
              expectedOutput: ["^hello hello\n$"],
            },
            {
              name: "PASS in the environment",
              command: "env",
              expectedOutput: ["(?m)^PATH=/d:/opt/tools:"],
            },
          ],
          fileExistenceTests: [{ name: "PASS in a path", path: "/$FOLDER/file" }],
          metadataTest: { unboundEnvVars: [{ key: "TWICE" }] },
        }),
        "globals.yaml",
      );
      const results = await runStructureTests(host, engine(), imageOf(kind), file);
      const metadata = results.at(-1);
      expect(surprises(results.slice(0, -1))).toEqual([]);
      expect([metadata?.name, metadata?.outcome]).toEqual(["Metadata Test", "passed"]);
    });
  });
}
