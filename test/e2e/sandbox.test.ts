import { execFileSync } from "node:child_process";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { mesaTemplate, temporaryRoot, type Ran } from "./program";
import { fault, faultsOff, resetWorld, state } from "./world";

const VERSIONS = ["0.15.0", "0.20.0", "0.26.0", "0.38.0", "0.46.0"];
const place = temporaryRoot();

interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly leftovers: readonly string[];
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string | null };
}

async function run(
  version: string,
  command: readonly string[],
  extra: readonly string[] = [],
  options: Parameters<typeof mesaTemplate>[1] = {},
): Promise<Ran> {
  return mesaTemplate(
    [
      "sandbox",
      "run",
      version,
      "--template",
      "debian",
      "--root",
      place.root,
      "--repo",
      "acme/demo",
      "--json",
      ...extra,
      "--",
      ...command,
    ],
    options,
  );
}

/** Nothing of a run is left: no sandbox, no living credential. */
async function expectClean(): Promise<void> {
  const world = await state();
  expect(world.sandboxes.filter((sandbox) => sandbox.name.startsWith("mesa-run-"))).toEqual([]);
  expect(world.keys.filter((key) => key.name.startsWith("mesa-run-") && key.revoked_at === null)).toEqual([]);
}

beforeAll(async () => {
  await resetWorld();
  for (const version of VERSIONS) {
    const ran = await mesaTemplate(["release", version, "--root", place.root, "--no-verify"]);
    expect(ran.code, ran.stderr).toBe(0);
  }
}, 600_000);
afterEach(async () => {
  await faultsOff();
});
afterAll(() => {
  place.remove();
});

describe("sandbox run", () => {
  it.each(
    VERSIONS.flatMap((version) => ["debian", "alpine"].map((template) => [version, template] as const)),
  )("Mesa %s on %s: what the command writes is seen by an independent read", async (version, template) => {
    const file = `from-${template}-${version}.txt`;
    const ran = await mesaTemplate([
      "sandbox",
      "run",
      version,
      "--template",
      template,
      "--root",
      place.root,
      "--repo",
      "acme/demo",
      "--write",
      "--json",
      "--",
      "sh",
      "-c",
      `echo ${version} > ${file} && cat ${file} && echo err >&2`,
    ]);
    const answer = ran.json<Answer>();
    expect([ran.code, answer.stdout, answer.stderr], ran.stderr + ran.stdout).toEqual([
      0,
      `${version}\n`,
      "err\n",
    ]);
    expect(answer.leftovers).toEqual([]);
    const world = await state();
    expect(world.repos.find((repo) => repo.name === "demo")?.files[file]).toBe(`${version}\n`);
    await expectClean();
  });

  it("has the command's exit code, and makes repositories only when told to", async () => {
    expect((await run("0.20.0", ["sh", "-c", "exit 7"])).code).toBe(7);
    const missing = await mesaTemplate([
      "sandbox",
      "run",
      "0.20.0",
      "--template",
      "debian",
      "--root",
      place.root,
      "--repo",
      "acme/fresh",
      "--json",
      "--",
      "true",
    ]);
    expect(missing.json<Answer>().error?.code).toBe("MESA_NOT_FOUND");
    const made = await mesaTemplate([
      "sandbox",
      "run",
      "0.20.0",
      "--template",
      "debian",
      "--root",
      place.root,
      "--repo",
      "acme/fresh",
      "--create-repo",
      "--write",
      "--json",
      "--",
      "sh",
      "-c",
      "echo hi > x",
    ]);
    expect(made.code, made.stdout).toBe(0);
    expect((await state()).repos.find((repo) => repo.name === "fresh")?.files).toEqual({ x: "hi\n" });
    await expectClean();
  });

  it("shows no credential anywhere: not in ps, its output, or what is left", async () => {
    const seen: string[] = [];
    const ran = await run(
      "0.20.0",
      ["sh", "-c", "sleep 1; env; cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '"],
      ["--write"],
      {
        onStderr: () => seen.push(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })),
      },
    );
    const key = (await state()).keys.filter((one) => one.name.startsWith("mesa-run-")).at(-1);
    expect(key?.key).toMatch(/^mesa_/u);
    for (const text of [ran.stdout, ran.stderr, ...seen]) {
      expect(text).not.toContain(key?.key ?? "-");
      expect(text).not.toContain("mesa_world_admin_key");
    }
  });

  it("stops the command and cleans up on Ctrl-C", async () => {
    let sent = false;
    const ran = await run("0.38.0", ["sleep", "60"], ["--write"], {
      onStderr: (text, pid) => {
        if (sent || !text.includes("mounting")) return;
        sent = true;
        setTimeout(() => process.kill(pid, "SIGINT"), 1_500);
      },
    });
    expect(ran.code).toBe(130);
    await expectClean();
  });

  it("keeps the sandbox when told to; sandbox clean finds it later", async () => {
    const ran = await run("0.38.0", ["true"], ["--keep"]);
    expect(ran.code, ran.stdout).toBe(0);
    expect((await state()).sandboxes.some((sandbox) => sandbox.name.startsWith("mesa-run-"))).toBe(true);
    const cleaned = await mesaTemplate(["sandbox", "clean", "--root", place.root]);
    expect(cleaned.stdout).toMatch(/sandbox mesa-run-\w+ removed\ncredential \w+ \(mesa-run-\w+\) revoked/u);
    await expectClean();
  });

  it("runs twelve at a time", async () => {
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        run("0.38.0", ["sh", "-c", `echo ${String(index)} > many-${String(index)}.txt`], ["--write"]),
      ),
    );
    expect(all.map((ran) => ran.code)).toEqual(all.map(() => 0));
    const files = (await state()).repos.find((repo) => repo.name === "demo")?.files ?? {};
    expect(Object.keys(files).filter((name) => name.startsWith("many-"))).toHaveLength(12);
    await expectClean();
  });
});

describe("each failure is told apart", () => {
  it.each([
    { name: "mount-lies", code: "MOUNT_MISSING", version: "0.20.0" },
    { name: "mount-read-only", code: "MOUNT_READ_ONLY", version: "0.20.0" },
    { name: "mesa-grpc-down", code: "MOUNT_GRPC", version: "0.38.0" },
    { name: "mesa-scope", code: "MOUNT_CREDENTIAL", version: "0.38.0" },
    { name: "mesa-key-expires", code: "MOUNT_CREDENTIAL", version: "0.38.0" },
    { name: "mesa-api-down", code: "MESA_UNREACHABLE", version: "0.20.0" },
    { name: "mesa-unauthorized", code: "MESA_UNAUTHORIZED", version: "0.20.0" },
    { name: "quota", code: "BLAXEL_QUOTA", version: "0.20.0" },
  ])("$name is $code", async ({ name, code, version }) => {
    await fault(name, undefined, { seconds: 1 });
    const ran = await run(version, ["true"], ["--write"]);
    await faultsOff();
    const answer = ran.json<Answer>();
    expect([answer.error?.code], ran.stdout).toEqual([code]);
    expect(answer.error?.hint).toBeTruthy();
    await expectClean();
  });

  it("a mount that comes late is waited for", async () => {
    await fault("mount-slow", 1, { ms: 2000 });
    const ran = await run("0.20.0", ["true"], ["--write"]);
    expect(ran.code, ran.stdout).toBe(0);
  });

  it("a credential that cannot be revoked is listed", async () => {
    await fault("mesa-revoke-fails");
    const ran = await run("0.20.0", ["true"]);
    await faultsOff();
    expect(ran.json<Answer>().leftovers.join()).toMatch(/could not be revoked/u);
    await mesaTemplate(["sandbox", "clean", "--root", place.root]);
    await expectClean();
  });

  it("an organization the key is not for", async () => {
    const ran = await mesaTemplate([
      "sandbox",
      "run",
      "0.20.0",
      "--template",
      "debian",
      "--root",
      place.root,
      "--repo",
      "other/demo",
      "--json",
      "--",
      "true",
    ]);
    expect(ran.json<Answer>().error?.code).toBe("MESA_NOT_FOUND");
  });
});

describe("the stock image", () => {
  it("gets Mesa brought in step by step, and then runs the command like a template", async () => {
    const ran = await mesaTemplate([
      "sandbox",
      "run",
      "--image",
      "blaxel/base-image:latest",
      "--mesa-version",
      "0.20.0",
      "--root",
      place.root,
      "--repo",
      "acme/demo",
      "--write",
      "--",
      "sh",
      "-c",
      "echo stock > stock.txt",
    ]);
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stderr).toMatch(/packages: done[\s\S]*check the hash: done[\s\S]*install: done/u);
    expect((await state()).repos.find((repo) => repo.name === "demo")?.files["stock.txt"]).toBe("stock\n");
    await expectClean();
  });

  it("is done only once by sandbox bootstrap", async () => {
    const headers = {
      Authorization: `Bearer ${process.env["BL_API_KEY"] ?? ""}`,
      "X-Blaxel-Workspace": process.env["BL_WORKSPACE"] ?? "",
      "Content-Type": "application/json",
    };
    await fetch(`${process.env["BL_API_URL"] ?? ""}/sandboxes`, {
      method: "POST",
      headers,
      body: JSON.stringify({
        metadata: { name: "bare" },
        spec: { runtime: { image: "blaxel/base-image:latest" } },
      }),
    });
    const first = await mesaTemplate([
      "sandbox",
      "bootstrap",
      "bare",
      "--mesa-version",
      "0.20.0",
      "--root",
      place.root,
      "--json",
    ]);
    expect(first.code, first.stdout).toBe(0);
    const second = await mesaTemplate([
      "sandbox",
      "bootstrap",
      "bare",
      "--mesa-version",
      "0.20.0",
      "--root",
      place.root,
      "--json",
    ]);
    expect(
      second.json<{ steps: { outcome: string }[] }>().steps.every((step) => step.outcome === "already"),
    ).toBe(true);
  });
});
