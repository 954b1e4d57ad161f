import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Engine, EngineFacts } from "../../../src/docker/index";
import {
  runStructureTests,
  structureTestProgram,
  structureTestsThatCannotRun,
  validateStructureTests,
} from "../../../src/smoke/structure-tests";
import { testHost, type TestHost } from "../lock/fixture/test-host";

const FILE = "structure-tests.yaml";
const folder = mkdtempSync(join(tmpdir(), "mesa-template-structure-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const engineAt = (address: string, tls?: EngineFacts["tls"]): Engine =>
  ({ facts: { address, ...(tls === undefined ? {} : { tls }) } }) as unknown as Engine;

/** A program in the place of container-structure-test. */
function hostWith(script: string): TestHost {
  const program = join(folder, "container-structure-test");
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
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

/** One that reports its own environment as the name of a test that passed. */
function hostWithProgram(): TestHost {
  const name = "$DOCKER_HOST|$DOCKER_TLS_VERIFY|$DOCKER_CERT_PATH|$DOCKER_CONTEXT|$GIVEN";
  const report = `{"Total":1,"Results":[{"Name":"${name}","Pass":true,"Duration":2000000}]}`;
  return hostWith(`cat <<END\n${report}\nEND`);
}

describe("container-structure-test", () => {
  it.each([
    ["over ssh", engineAt("ssh://root@box/run/docker.sock"), "over ssh (ssh://root@box/run/docker.sock)"],
    [
      "unverified",
      engineAt("tcp://box:2376", { certificates: undefined, skipVerify: true }),
      "whose certificate is not verified",
    ],
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
      engineAt("tcp://box:2376", { certificates: "/certs", skipVerify: false }),
      "tcp://box:2376|1|/certs||it",
    ],
  ])("gets the engine in use by %s, whatever the shell names", async (_what, engine, name) => {
    const host = hostWithProgram();
    expect(await structureTestsThatCannotRun(host, engine, [FILE])).toEqual([]);
    expect(await runStructureTests(host, engine, "an-image", [FILE])).toEqual([
      { name, outcome: "passed", durationMs: 2, file: FILE },
    ]);
  });

  const LOCAL = engineAt("unix:///run/d.sock");
  const PASSED = '{"Name":"a","Pass":true}';

  it.each([
    ["prints garbage", "echo hello; echo oh no >&2; exit 2", /wrote no report.*exit 2/u],
    ["is too old", "echo 'Error: unknown flag: --output' >&2; exit 1", /wrote no report.*exit 1/u],
    ["is killed", "kill -9 $$", /wrote no report.*SIGKILL/u],
    ["leaves results out", `echo '{"Total":2,"Results":[${PASSED}]}'`, /2 tests.*1 result/u],
    ["counts without results", `echo '{"Total":3}'`, /3 tests.*0 results/u],
    ["fails although its tests pass", `echo '{"Total":1,"Results":[${PASSED}]}'; exit 1`, /exit 1.*passed/u],
    [
      "succeeds although a test fails",
      `echo '{"Total":1,"Results":[{"Name":"a","Pass":false}]}'`,
      /exit 0.*failed/u,
    ],
  ])("that %s proves nothing", async (_what, script, message) => {
    await expect(runStructureTests(hostWith(script), LOCAL, "an-image", [FILE])).rejects.toMatchObject({
      code: "STRUCTURE_TESTS_FAILED",
      kind: "environment",
      message: expect.stringMatching(message) as string,
    });
  });

  it.each([
    ["arm64", "--platform linux/amd64"],
    ["x64", "--no-color"],
  ])("on %s asks for the platform that images have here (… %s)", async (machine, end) => {
    const own = process.arch;
    Object.defineProperty(process, "arch", { value: machine });
    const host = hostWith(`echo "{\\"Total\\":1,\\"Results\\":[{\\"Name\\":\\"$*\\",\\"Pass\\":true}]}"`);
    const results = await runStructureTests(host, LOCAL, "an-image", [FILE]).finally(() =>
      Object.defineProperty(process, "arch", { value: own }),
    );
    expect(results[0]?.name.endsWith(end)).toBe(true);
  });

  it("that is stopped may leave a container, which is said", async () => {
    const stopped = new Error("Interrupted by SIGINT.");
    const host = { ...hostWithProgram(), run: () => Promise.reject(stopped) };
    await expect(runStructureTests(host, LOCAL, "an-image", [FILE])).rejects.toBe(stopped);
    expect(host.events).toMatchObject([
      {
        type: "warning",
        message: expect.stringContaining("docker ps -a --filter ancestor=an-image") as string,
      },
    ]);
  });

  it("that hangs is ended, and named", async () => {
    const plain = hostWith("exec sleep 60");
    const host: TestHost = { ...plain, run: (asked) => plain.run({ ...asked, timeoutMs: 300 }) };
    await expect(validateStructureTests(host, [join(folder, "container-structure-test")])).rejects.toThrow(
      /did not end within 30 s/u,
    );
    expect(await structureTestsThatCannotRun(host, LOCAL, [FILE])).toMatchObject([
      { why: expect.stringContaining("does not end") as string },
    ]);
  });

  it.each([
    ["fails", "echo broken >&2; exit 126", "container-structure-test version fails (exit 126)"],
    ["cannot be run", undefined, "which cannot be run"],
  ])("that %s is not said to be missing", async (_what, script, why) => {
    const host = hostWith(script ?? "");
    if (script === undefined) chmodSync(join(folder, "container-structure-test"), 0o644);
    const matching = expect.stringContaining(why) as string;
    expect(await structureTestsThatCannotRun(host, LOCAL, [FILE])).toMatchObject([{ why: matching }]);
    await expect(structureTestProgram(host)).rejects.toMatchObject({ message: matching });
  });
});
