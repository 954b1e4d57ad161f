import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type * as Library from "../../../src/index";
import { releasedPlace, type Answer, type SandboxPlace } from "./sandbox-place";
import { ORGANIZATIONS } from "../../world/mesa/state";
import { fault, faultsOff, requests, state } from "../world";

const VERSION = "0.38.0";
let place: SandboxPlace;

beforeAll(async () => {
  place = await releasedPlace([VERSION]);
}, 1_200_000);
beforeEach(() => place.begin());
afterAll(faultsOff);

async function fileOf(name: string): Promise<string | undefined> {
  return (await state()).repos.find((repo) => repo.name === "demo")?.files[name];
}

/** Runs for writing, and sends the program a signal once the command says that it began. */
async function signalled(
  signal: NodeJS.Signals,
  script: string,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  let sent = false;
  const which = ["--template", "debian", "--repo", "acme/demo", "--write"];
  const command = ["sh", "-c", `echo begun >&2; ${script}`];
  const ran = await place.ask(["sandbox", "run", VERSION, ...which, "--", ...command], {
    onStderr: (text, pid) => {
      if (sent || !/^begun$/mu.test(text)) return;
      sent = true;
      process.kill(pid, signal);
    },
  });
  expect(sent, ran.stderr).toBe(true);
  return ran;
}

describe("a command in a sandbox", () => {
  it("may take longer than any request through the edge", async () => {
    await fault("edge-short", undefined, { ms: 4_000 });
    const ran = await place.run(VERSION, ["sh", "-c", "sleep 9; echo late"]);
    await faultsOff();
    expect([ran.code, ran.json<Answer>().stdout], ran.stdout).toEqual([0, "late\n"]);
    expect((await requests("blaxel")).filter(({ status }) => status === 504)).toEqual([]);
    await place.expectClean();
  });

  it.each([
    ["sh -c 'exit 42'", ["sh", "-c", "exit 42"], 42],
    ["what a signal ended", ["sh", "-c", "kill -9 $$"], 137],
    ["what a signal ended that can be caught", ["sh", "-c", "kill -TERM $$"], 143],
    ["what is not there", ["no-such-program"], 127],
    ["what cannot be run", ["/etc/passwd"], 126],
  ])("has its own exit code: %s", async (_what, command, code) => {
    const ran = await place.run(VERSION, command);
    expect([ran.code, ran.json<{ readonly exitCode: number }>().exitCode], ran.stdout).toEqual([code, code]);
  });

  it("has no stdin to wait for, and the variables that were given", async () => {
    const ran = await place.run(VERSION, ["sh", "-c", 'cat; echo "[$A]"'], ["--env", "A=x=y ü'\"$"]);
    expect([ran.code, ran.json<Answer>().stdout]).toEqual([0, "[x=y ü'\"$]\n"]);
  });

  it("may say very much, and letters in pieces", async () => {
    const script = "head -c 20000000 /dev/zero | tr '\\0' x; printf '\\303'; sleep 1.5; printf '\\251\\n'";
    const ran = await place.run(VERSION, ["sh", "-c", script]);
    const { stdout } = ran.json<Answer>();
    expect([ran.code, stdout.length, stdout.slice(-3)]).toEqual([0, 20_000_002, "xé\n"]);
  });

  it("is heard byte for byte, as it comes", async () => {
    const file = join(resolve(import.meta.dirname, "../../.."), "dist/index.js");
    const library = (await import(pathToFileURL(file).href)) as typeof Library;
    const manifest = join(place.root, "dockerfiles/manifest.json");
    const { image, mesaVersion } = await library.resolveTemplate(VERSION, { template: "debian", manifest });
    await library.withMesaSandbox({ image, mesaVersion, repos: ["acme/demo"] }, async (sandbox) => {
      const hash = createHash("sha256");
      const random = "head -c 9000000 /dev/urandom | tee /tmp/random; sha256sum < /tmp/random >&2";
      const { stderr } = await sandbox.run(["sh", "-c", random], {
        onOutput: (stream, data) => {
          if (stream === "stdout") hash.update(data);
        },
      });
      expect(stderr.split(" ")[0]).toBe(hash.digest("hex"));
      const heard: string[] = [];
      await sandbox.run(["sh", "-c", "echo a; sleep 2; echo b >&2; sleep 2; echo c"], {
        onOutput: (_stream, data) => heard.push(Buffer.from(data).toString("utf8").trim()),
      });
      expect(heard).toEqual(["a", "b", "c"]);
    });
    await place.expectClean();
  });
});

describe("an end from outside", () => {
  it("Ctrl-C reaches the command, whose last words reach us and Mesa", async () => {
    const script = "trap 'echo last > last.txt; echo bye; exit 5' INT; while :; do sleep 0.1; done";
    const ran = await signalled("SIGINT", script);
    expect(ran.code, ran.stderr).toBe(130);
    expect(ran.stdout).toBe("bye\n");
    expect(await fileOf("last.txt")).toBe("last\n");
    await place.expectClean();
  });

  it("a command that does not listen is ended all the same", async () => {
    const ran = await signalled("SIGTERM", "trap '' INT TERM; while :; do sleep 0.1; done");
    expect(ran.code, ran.stderr).toBe(130);
    await place.expectClean();
  });

  it("a crash of ours leaves sandbox and credential, which sandbox clean finds", async () => {
    await signalled("SIGKILL", "sleep 100");
    await expect(place.expectClean()).rejects.toThrow();
    const shown = await place.ask(["sandbox", "clean", "--dry-run"]);
    expect(shown.stdout).toMatch(
      /sandbox (mesa-run-\w+) would be removed\ncredential \w+ \(\1\) would be revoked\n/u,
    );
    const cleaned = await place.ask(["sandbox", "clean"]);
    expect(cleaned.stdout).toMatch(/sandbox (mesa-run-\w+) removed\ncredential \w+ \(\1\) revoked\n/u);
    await place.expectClean();
    expect((await place.ask(["sandbox", "clean"])).stdout).toBe("Earlier runs left nothing behind.\n");
  });

  it("the next run deletes the sandbox of one that crashed, and leaves a kept one", async () => {
    const kept = await place.run(VERSION, ["true"], ["--keep"]);
    await signalled("SIGKILL", "sleep 100");
    const left = async (): Promise<string[]> =>
      (await state()).sandboxes.map(({ name }) => name).filter((name) => name.startsWith("mesa-run-"));
    expect(await left()).toHaveLength(2);
    expect((await place.run(VERSION, ["true"])).code).toBe(0);
    expect(await left()).toEqual([kept.json<{ readonly kept: { readonly name: string } }>().kept.name]);
    await place.ask(["sandbox", "clean"]);
    await place.expectClean();
  });
});

describe("sandbox clean", () => {
  const keep = async (): Promise<string> => {
    const ran = await place.run(VERSION, ["true"], ["--keep"]);
    expect(ran.code, ran.stdout).toBe(0);
    return ran.json<{ readonly kept: { readonly name: string } }>().kept.name;
  };
  const living = async (): Promise<readonly string[]> => {
    const world = await state();
    const keys = world.keys.filter((key) => key.revoked_at === null);
    return [...world.sandboxes, ...keys]
      .map(({ name }) => name)
      .filter((name) => name.startsWith("mesa-run-"));
  };

  it("takes one run's things only when told to, and knows the organization by the sandbox's label", async () => {
    const [one, other] = [await keep(), await keep()];
    const cleaned = await place.ask(["sandbox", "clean", one], { env: { MESA_ORG: undefined } });
    expect(cleaned.stdout).toMatch(
      new RegExp(`^sandbox ${one} removed\ncredential \\w+ \\(${one}\\) revoked\n$`, "u"),
    );
    expect(await living()).toEqual([other, other]);
    expect((await place.ask(["sandbox", "clean"])).stdout).toContain(`sandbox ${other} removed`);
    await place.expectClean();
  });

  it("continues when something cannot be removed, and reports it", async () => {
    const name = await keep();
    await fault("mesa-revoke-fails");
    const ran = await place.ask(["sandbox", "clean", "--json"]);
    await faultsOff();
    expect(ran.code).toBe(3);
    const { ok, sandboxes, error } = ran.json<{
      ok: boolean;
      sandboxes: string[];
      error: { code: string; log: string[] };
    }>();
    expect([ok, sandboxes, error.code]).toEqual([false, [name], "CLEAN_INCOMPLETE"]);
    expect(error.log.join()).toMatch(new RegExp(`^credential \\w+ \\(${name}\\): .*500`, "u"));
    expect((await place.ask(["sandbox", "clean"])).code).toBe(0);
    await place.expectClean();
  });

  it("says what it could not look for", async () => {
    const ran = await place.ask(["sandbox", "clean"], {
      env: { MESA_ORG: undefined, MESA_PRIVATE_KEY: undefined },
    });
    const why = "credentials were not searched for: MESA_API_KEY is set, but MESA_ORG is not.\n";
    expect([ran.code, ran.stdout]).toEqual([0, why]);
  });

  it("searches in the organization of the private key, without MESA_ORG", async () => {
    const left = `smoke-debian-${"0".repeat(12)}-container.dead`;
    const made = await fetch(`${process.env["MESA_API_URL"] ?? ""}/v1/acme/repos`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${process.env["MESA_API_KEY"] ?? ""}`,
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ name: left }),
    });
    expect(made.ok).toBe(true);
    const ran = await place.ask(["sandbox", "clean", left.replace(".dead", "")], {
      env: {
        MESA_ORG: undefined,
        MESA_API_KEY: undefined,
        MESA_PRIVATE_KEY: ORGANIZATIONS["acme"]?.privateKey,
      },
    });
    expect([ran.code, ran.stdout]).toEqual([0, `repository acme/${left} removed\n`]);
  });
});
