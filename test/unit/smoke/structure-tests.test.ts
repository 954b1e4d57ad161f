import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Engine, EngineFacts } from "../../../src/docker/index";
import { runStructureTests, structureTestsThatCannotRun } from "../../../src/smoke/structure-tests";
import { testHost, type TestHost } from "../lock/fixture/test-host";

const FILE = "structure-tests.yaml";
const folder = mkdtempSync(join(tmpdir(), "mesa-template-structure-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const engineAt = (address: string, tls?: EngineFacts["tls"]): Engine =>
  ({ facts: { address, ...(tls === undefined ? {} : { tls }) } }) as unknown as Engine;

/** A program in the place of container-structure-test, which reports its own environment as the name of a test that passed. */
function hostWithProgram(): TestHost {
  const program = join(folder, "container-structure-test");
  const name = "$DOCKER_HOST|$DOCKER_TLS_VERIFY|$DOCKER_CERT_PATH|$DOCKER_CONTEXT|$GIVEN";
  const report = `{"Total":1,"Results":[{"Name":"${name}","Pass":true,"Duration":2000000}]}`;
  writeFileSync(program, `#!/bin/sh\ncat <<END\n${report}\nEND\n`);
  chmodSync(program, 0o755);
  return testHost({
    env: {
      CONTAINER_STRUCTURE_TEST: program,
      DOCKER_HOST: "tcp://other:1",
      DOCKER_CONTEXT: "other",
      GIVEN: "it",
    },
  });
}

describe("container-structure-test", () => {
  it.each([
    ["over ssh", engineAt("ssh://root@box/run/docker.sock"), "over ssh (ssh://root@box/run/docker.sock)"],
    ["unverified", engineAt("tcp://box:2376", { skipVerify: true }), "whose certificate is not verified"],
  ])("is not run on an engine %s: its tests are skipped, with that reason", async (_what, engine, reason) => {
    const host = { ...hostWithProgram(), run: () => Promise.reject(new Error("nothing is to be run")) };
    const why = expect.stringContaining(
      `container-structure-test cannot reach an engine ${reason}`,
    ) as string;
    const name = `the tests of ${FILE}`;
    expect(await structureTestsThatCannotRun(host, engine, [FILE])).toEqual([{ check: name, why }]);
    const hint = expect.stringContaining("on the engine's machine") as string;
    expect(await runStructureTests(host, engine, "an-image", [FILE])).toEqual([
      { name, outcome: "skipped", durationMs: 0, seen: why, hint, file: FILE },
    ]);
  });

  it.each([
    ["a socket", engineAt("unix:///run/d.sock"), "unix:///run/d.sock||||it"],
    [
      "verified TLS",
      engineAt("tcp://box:2376", { certificates: "/certs" } as EngineFacts["tls"]),
      "tcp://box:2376|1|/certs||it",
    ],
  ])("is told of the engine in use by %s, whatever the shell names", async (_what, engine, name) => {
    const host = hostWithProgram();
    expect(await structureTestsThatCannotRun(host, engine, [FILE])).toEqual([]);
    expect(await runStructureTests(host, engine, "an-image", [FILE])).toEqual([
      { name, outcome: "passed", durationMs: 2, file: FILE },
    ]);
  });
});
