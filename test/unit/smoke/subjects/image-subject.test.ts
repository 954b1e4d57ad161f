import { describe, expect, it } from "vitest";
import type { Engine, ExecResult } from "../../../../src/docker/index";
import { fileChecks } from "../../../../src/smoke/checks-file/file-checks";
import { parseChecksFile } from "../../../../src/smoke/checks-file/parse";
import { imageSubject } from "../../../../src/smoke/subjects/image-subject";
import { Failure } from "../../../../src/support/errors";
import { testHost } from "../../lock/fixture/test-host";

const NO_USER = "unable to find user nobody-here: no matching entries in passwd file";
const NO_PROGRAM = 'OCI runtime exec failed: exec: "sh": executable file not found in $PATH: unknown\r\n';
const failed = (message: string): Failure =>
  new Failure({ code: "ENGINE_FAILED", kind: "environment", message });

/** An engine whose containers start, or not, and run every command with this result. */
function engineWith(start: Failure | undefined, result: Partial<ExecResult> = {}): Engine {
  const ran = { exitCode: 0, stdout: "", stderr: "", timedOut: false, ...result };
  return {
    facts: { rootless: false, publish: { reachedAt: "127.0.0.1" } },
    createContainer: () => Promise.resolve("c0ffee"),
    startContainer: () => (start === undefined ? Promise.resolve() : Promise.reject(start)),
    removeContainer: () => Promise.resolve(),
    container: () => Promise.resolve({ running: true, ports: {} }),
    exec: () => Promise.resolve(ran),
    runToEnd: () => (start === undefined ? Promise.resolve(ran) : Promise.reject(start)),
  } as unknown as Engine;
}

async function verdictOf(engine: Engine, key: string): Promise<unknown> {
  const host = testHost();
  const subject = await imageSubject(host, engine, "x:1", { ports: [], devices: [] });
  const file = parseChecksFile(`schemaVersion: 1\nchecks: [{ name: a, ${key} }]`, "c.yaml");
  const [check] = fileChecks(host, file);
  if (check?.needs !== "subject") throw new Error("it needs no subject");
  return check.run(subject, { secrets: [], missingDevices: {} });
}

describe("where no shell starts", () => {
  it.each([
    ["no container starts", engineWith(failed(NO_USER)), NO_USER],
    [
      "the image has none",
      engineWith(undefined, { exitCode: 126, stdout: NO_PROGRAM }),
      "not found in $PATH",
    ],
  ])("a command tells why: %s", async (_where, engine, words) => {
    expect(await verdictOf(engine, "command: ls")).toMatchObject({
      outcome: "failed",
      seen: expect.stringContaining(words) as string,
      hint: expect.stringContaining("as a list") as string,
    });
  });

  it("a program that is not in the image is named, although the engine says so on stdout", async () => {
    const engine = engineWith(undefined, { exitCode: 126, stdout: NO_PROGRAM });
    expect(await verdictOf(engine, "command: [ls]")).toMatchObject({
      outcome: "failed",
      expected: "ls to be run",
      hint: expect.stringContaining("not in the image") as string,
    });
  });
});

describe("where the image's own program has ended", () => {
  const exited = { running: false, exitCode: 3, ports: {} };

  it.each(["http: {}", "listening: [80]"])("a check of what it serves tells how (%s)", async (check) => {
    const states = [{ ports: {} }, exited];
    const more = {
      container: () => Promise.resolve(states.shift() ?? { running: true, ports: {} }),
      logs: () => Promise.resolve(["DATABASE_URL is not set"]),
    };
    const engine = { ...engineWith(undefined), ...(more as unknown as Engine) };
    const verdict = await verdictOf(engine, check);
    expect(verdict).toMatchObject({
      outcome: "failed",
      seen: expect.stringMatching(
        /does not run: .* exited with 3 at once\.\nDATABASE_URL is not set$/u,
      ) as string,
    });
    expect(verdict).not.toHaveProperty("hint");
  });
});
