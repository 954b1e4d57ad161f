import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SandboxInstance } from "@blaxel/core";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ORGANIZATIONS } from "../../world/mesa/state";
import { releasedPlace, type Answer, type SandboxPlace } from "./sandbox-place";
import { fault, faultsOff, state, type WorldState } from "../world";

/** What is left out of the environment, by what is left there. */
const WITHOUT = {
  "an API key": { MESA_PRIVATE_KEY: undefined },
  "a private key": { MESA_API_KEY: undefined, MESA_ORG: undefined },
};
let place: SandboxPlace;

async function filesOf(repo: string): Promise<Readonly<Record<string, string>>> {
  return (await state()).repos.find((one) => one.name === repo)?.files ?? {};
}

beforeAll(async () => {
  process.env["MESA_PRIVATE_KEY"] = ORGANIZATIONS["acme"]?.privateKey;
  place = await releasedPlace(["0.20.0", "0.38.0", "0.46.0", "0.49.1"], ["0.49.1"]);
}, 1_200_000);
beforeEach(() => place.begin());

describe("sandbox run", () => {
  it.each([
    ["0.20.0", "a private key" as const, /accepts only API keys/u, /MESA_API_KEY/u],
    ["0.49.1", "an API key" as const, /accepts no API key/u, /MESA_PRIVATE_KEY/u],
  ])("Mesa %s with %s is refused before anything starts", async (version, kind, message, hint) => {
    const before = (await state()).sandboxes.length;
    for (const args of [
      ["sandbox", "run", version, "--template", "debian", "--repo", "acme/demo", "--json", "--", "true"],
      ["release", version, "--template", "debian", "--force", "--json"],
      ["smoke", version, "--template", "debian", "--json"],
    ]) {
      const ran = await place.ask(args, { env: WITHOUT[kind] });
      const { error } = ran.json<Answer>();
      expect([ran.code, error?.code], ran.stdout).toEqual([3, "MESA_CREDENTIAL_UNFIT"]);
      expect(error?.message).toMatch(message);
      expect(error?.hint).toMatch(hint);
    }
    expect((await state()).sandboxes.length).toBe(before);
  });

  it("has the command's exit code, and makes repositories only when told to", async () => {
    expect((await place.run("0.20.0", ["sh", "-c", "exit 7"])).code).toBe(7);
    const fresh = ["sandbox", "run", "0.20.0", "--template", "debian", "--repo", "acme/fresh", "--json"];
    const missing = await place.ask([...fresh, "--", "true"]);
    expect(missing.json<Answer>().error?.code).toBe("MESA_NOT_FOUND");
    const made = await place.ask([...fresh, "--create-repo", "--write", "--", "sh", "-c", "echo hi > x"]);
    expect(made.code, made.stdout).toBe(0);
    expect(await filesOf("fresh")).toEqual({ x: "hi\n" });
    await place.expectClean();
  });

  it.each(["0.46.0", "0.49.1"])("mounts a tree of several repositories with Mesa %s", async (version) => {
    const which = ["sandbox", "run", version, "--template", "debian", "--create-repo", "--json"];
    const mounts = ["--mount", "demo:/work/app:rw", "--mount", "acme/lib:/lib"];
    const file = `tree-${version}.txt`;
    const script = `echo tree > ${file}; ls ../..; touch ../../lib/x`;
    const ran = await place.ask([...which, ...mounts, "--", "sh", "-c", script], {
      env: WITHOUT["a private key"],
    });
    const { stdout, stderr } = ran.json<Answer>();
    expect([ran.code, stdout], ran.stdout + ran.stderr).toEqual([1, "lib\nwork\n"]);
    expect(stderr).toMatch(/Read-only file system/u);
    expect((await filesOf("demo"))[file]).toBe("tree\n");
    expect(await filesOf("lib")).toEqual({});
    const layout = join(place.root, "layout.json");
    writeFileSync(layout, JSON.stringify({ "/one": { kind: "repo", name: "demo", mode: "ro" } }));
    const read = await place.ask([...which, "--layout", layout, "--", "cat", file]);
    expect([read.code, read.json<Answer>().stdout], read.stdout).toEqual([0, "tree\n"]);
    const old = await place.ask(
      ["sandbox", "run", "0.38.0", ...which.slice(3), "--mount", "demo:/x", "--", "true"],
      {
        env: { MESA_PRIVATE_KEY: undefined },
      },
    );
    expect([old.code, old.json<Answer>().error?.code]).toEqual([2, "MESA_LAYOUT_UNFIT"]);
    await place.expectClean();
  });

  it.each(["0.46.0", "0.49.1"])("puts the work on its own branch with Mesa %s", async (version) => {
    const [branch, file] = [`agent/${version}`, `branch-${version}.txt`];
    const which = ["--template", "debian", "--repo", "acme/demo"];
    const script = `echo work > ${file}; test -e README.md`;
    const branched = ["sandbox", "run", version, ...which, "--branch", branch];
    const ran = await place.ask([...branched, "--", "sh", "-c", script]);
    expect(ran.code, ran.stderr).toBe(0);
    const bookmarks = async (): Promise<WorldState["repos"][number]["bookmarks"]> =>
      (await state()).repos.find(({ name }) => name === "demo")?.bookmarks ?? {};
    const before = await bookmarks();
    expect([before[branch]?.[file], before["main"]?.[file]]).toEqual(["work\n", undefined]);
    // A branch that is there is not taken for this session's own; nor is one left of a session that did not come up.
    const again = await place.ask([...branched, "--json", "--", "true"]);
    expect([again.code, again.json<Answer>().error?.code]).toEqual([2, "BRANCH_EXISTS"]);
    await fault("mount-not-empty", 1);
    const lost = await place.ask(["sandbox", "run", version, ...which, "--branch", "lost", "--", "true"]);
    expect([lost.code, Object.keys(await bookmarks())]).toEqual([7, Object.keys(before)]);
    const mount = ["--mount", `demo:/x@${branch}`, "--json", "--", "cat", file];
    const read = await place.ask(["sandbox", "run", version, ...which.slice(0, 2), ...mount]);
    expect([read.code, read.json<Answer>().stdout], read.stdout).toEqual([0, "work\n"]);
    const [, merge = ""] = /merge it with: mesa-template (.*)$/mu.exec(ran.stderr) ?? [];
    expect(merge).toBe(`sandbox merge acme/demo ${branch} --into main`);
    const merged = await place.ask([...merge.split(" "), "--delete"]);
    expect([merged.code, merged.stdout]).toEqual([0, `${branch} is merged into main of acme/demo\n`]);
    const after = await bookmarks();
    expect([after[branch], after["main"]?.[file]]).toEqual([undefined, "work\n"]);
    const old = await place.ask(["sandbox", "run", "0.38.0", ...branched.slice(3), "--json", "--", "true"]);
    expect([old.code, old.json<Answer>().error?.code]).toEqual([2, "MESA_LAYOUT_UNFIT"]);
    await place.expectClean();
  });

  it.each(["debian", "alpine"])("mounts and runs as another user on %s", async (template) => {
    const which = ["--template", template, "--repo", "acme/demo", "--write", "--user", "agent", "--json"];
    const script = `id -un; echo $HOME; echo mine > by-agent.txt; stat -c %U by-agent.txt; touch ~/x; stat -c %a /dev/fuse; kill -TERM $$`;
    const ran = await place.ask(["sandbox", "run", "0.49.1", ...which, "--", "sh", "-c", script]);
    const { stdout, leftovers } = ran.json<Answer>();
    expect([ran.code, stdout, leftovers], ran.stdout + ran.stderr).toEqual([
      143,
      "agent\n/home/agent\nagent\n666\n",
      [],
    ]);
    expect((await filesOf("demo"))["by-agent.txt"]).toBe("mine\n");
    const root = await place.ask(["sandbox", "run", "0.49.1", ...which, "--user", "root", "--", "true"]);
    expect([root.code, root.json<Answer>().error?.code]).toEqual([2, "SANDBOX_USER"]);
    await place.expectClean();
  });

  it("keeps the sandbox when told to; sandbox clean finds it later", async () => {
    const ran = await place.run("0.38.0", ["true"], ["--keep"]);
    expect(ran.code, ran.stdout).toBe(0);
    const { kept } = ran.json<{ kept: { name: string } }>();
    expect((await state()).sandboxes.map((sandbox) => sandbox.name)).toContain(kept.name);
    const cleaned = await place.ask(["sandbox", "clean"]);
    expect(cleaned.stdout).toContain(`sandbox ${kept.name} removed\n`);
    expect(cleaned.stdout).toMatch(new RegExp(`credential \\w+ \\(${kept.name}\\) revoked`, "u"));
    await place.expectClean();
  });

  it("runs twenty at a time: none waits for another to end", async () => {
    const begun = new Set<number>();
    const which = ["sandbox", "run", "0.38.0", "--template", "debian", "--repo", "acme/demo", "--write"];
    const runs = Array.from({ length: 20 }, (_, index) => {
      const script = `echo begun >&2; until [ -e /tmp/go ]; do sleep 0.2; done; echo ${String(index)} > many-${String(index)}.txt`;
      return place.ask([...which, "--", "sh", "-c", script], {
        onStderr: (text) => {
          if (/^begun$/mu.test(text)) begun.add(index);
        },
      });
    });
    // Nobody is let go on before all are there.
    await expect.poll(() => begun.size, { timeout: 150_000 }).toBe(20);
    const names = (await state()).sandboxes.map(({ name }) => name);
    for (const name of names.filter((one) => one.startsWith("mesa-run-")))
      await (await SandboxInstance.get(name)).fs.write("/tmp/go", "");
    const all = await Promise.all(runs);
    expect(all.map((ran) => [ran.code, ran.code === 0 ? "" : ran.stderr])).toEqual(all.map(() => [0, ""]));
    const many = Object.entries(await filesOf("demo")).filter(([name]) => name.startsWith("many-"));
    expect(Object.fromEntries(many)).toEqual(
      Object.fromEntries(
        Array.from({ length: 20 }, (_, index) => [`many-${String(index)}.txt`, `${String(index)}\n`]),
      ),
    );
    await place.expectClean();
  });
});

describe("the stock image", () => {
  it("gets Mesa brought in step by step, and then runs the command like a template", async () => {
    const which = ["--image", "blaxel/base-image:latest", "--mesa-version", "0.20.0", "--repo", "acme/demo"];
    const ran = await place.ask([
      "sandbox",
      "run",
      ...which,
      "--write",
      "--",
      "sh",
      "-c",
      "echo stock > stock.txt",
    ]);
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stderr).toMatch(/packages: done[\s\S]*check the hash: done[\s\S]*install: done/u);
    expect((await filesOf("demo"))["stock.txt"]).toBe("stock\n");
    await place.expectClean();
  });

  it("is Debian, and gets Mesa by apt", async () => {
    const which = ["--image", "blaxel/ts-app:latest", "--mesa-version", "0.38.0", "--repo", "acme/demo"];
    const script = "echo debian > stock-debian.txt; dpkg -s mesa | grep ^Status";
    const ran = await place.ask(["sandbox", "run", ...which, "--write", "--", "sh", "-c", script]);
    expect([ran.code, ran.stdout], ran.stderr).toEqual([0, "Status: install ok installed\n"]);
    expect((await filesOf("demo"))["stock-debian.txt"]).toBe("debian\n");
    await place.expectClean();
  });

  it("tells which step failed, and leaves nothing", async () => {
    await fault("apt-deb-hash");
    const which = ["--image", "blaxel/base-image:latest", "--mesa-version", "0.20.0", "--repo", "acme/demo"];
    const ran = await place.ask(["sandbox", "run", ...which, "--json", "--", "true"]);
    await faultsOff();
    const { error } = ran.json<Answer>();
    expect([error?.code, ran.code], ran.stdout).toEqual(["BOOTSTRAP_FAILED", 7]);
    expect(error?.message).toMatch(/the step "check the hash" exited with 1/u);
    expect(error?.hint).toMatch(/differs from the lock/u);
    await place.expectClean();
  });

  it("is done only once by sandbox bootstrap", async () => {
    await createSandbox("bare");
    const bootstrap = ["sandbox", "bootstrap", "bare", "--mesa-version", "0.20.0", "--json"];
    const first = await place.ask(bootstrap);
    expect(first.code, first.stdout).toBe(0);
    const second = await place.ask(bootstrap);
    expect(
      second.json<{ steps: { outcome: string }[] }>().steps.every((step) => step.outcome === "already"),
    ).toBe(true);
  });
});

/** A sandbox from the stock image, made without the program. */
async function createSandbox(name: string): Promise<void> {
  const answer = await fetch(`${process.env["BL_API_URL"] ?? ""}/sandboxes`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${process.env["BL_API_KEY"] ?? ""}`,
      "X-Blaxel-Workspace": process.env["BL_WORKSPACE"] ?? "",
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ metadata: { name }, spec: { runtime: { image: "blaxel/base-image:latest" } } }),
  });
  expect(answer.status).toBe(200);
}
