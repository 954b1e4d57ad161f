import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { initStep, TEAM_WORKFLOWS, teamWorkflow } from "../../../src/cli/init-files";
import { REPOSITORY, workFolder } from "./fixture/built";
import { runMain } from "./fixture/run-main";

const bytes = (text: string): Buffer => Buffer.from(text, "utf8");

describe("what becomes of a file", () => {
  const whole = { path: "Makefile", contents: bytes("ours\n"), as: "whole" } as const;
  const lines = { path: ".gitignore", contents: bytes("a/\nb/\n"), as: "lines" } as const;
  const fresh = { path: "templates/x/template.toml", contents: bytes("ours\n"), as: "new" } as const;
  const once = { path: "package.json", contents: bytes("{}"), as: "once" } as const;
  it.each([
    [whole, undefined, false, "written", "ours\n"],
    [whole, "ours\n", false, "kept", undefined],
    [whole, "theirs\n", false, "left-alone", undefined],
    [fresh, "theirs\n", false, "conflict", undefined],
    [fresh, "theirs\n", true, "overwritten", "ours\n"],
    [whole, "theirs\n", true, "overwritten", "ours\n"],
    [lines, undefined, false, "written", "a/\nb/\n"],
    [lines, "b/\nc/", false, "added-to", "b/\nc/\na/\n"],
    [lines, "b/\r\na/\r\n", false, "kept", undefined],
    [lines, "c/\n", true, "added-to", "c/\na/\nb/\n"],
    [once, undefined, false, "written", "{}"],
    [once, '{"name":"theirs"}', true, "left-alone", undefined],
  ])("%o over %j (force %s): %s", (file, before, force, outcome, contents) => {
    const step = initStep(file, before === undefined ? undefined : bytes(before), force);
    expect(step.outcome).toBe(outcome);
    expect(step.contents?.toString("utf8")).toBe(contents);
  });
});

describe("the workflows", () => {
  it.each(TEAM_WORKFLOWS)("%s calls the installed package in a team's repository", (name) => {
    const ours = readFileSync(join(REPOSITORY, `.github/workflows/${name}.yml`), "utf8");
    const theirs = teamWorkflow(ours);
    expect((parse(ours) as { env: object }).env).toEqual({ MESA_TEMPLATE: "node dist/mesa-template.js" });
    expect((parse(theirs) as { env: object }).env).toEqual({
      MESA_TEMPLATE: "npx --no-install mesa-template",
    });
    expect(theirs).not.toContain("dist/");
  });
});

describe("init", () => {
  const work = workFolder("init");

  it("writes to DIR below the working folder, whatever the root is, and names the package's file", async () => {
    const folder = join(work.folder, "beside");
    const dir = relative(process.cwd(), folder);
    const { code, stdout } = await runMain(["init", dir], { MESA_TEMPLATE_ROOT: join(work.folder, "root") });
    expect(code).toBe(0);
    expect(existsSync(join(folder, "Makefile"))).toBe(true);
    expect(stdout).toMatch(
      new RegExp(
        `Next:\\n  cd ${dir}\\n  git init .*\\n  npm pack .*\\n  npm install --save-dev \\./mesa-.*\\.tgz`,
        "u",
      ),
    );
  });
  afterAll(work.remove);
  let count = 0;
  let folder = "";
  beforeEach(() => {
    count += 1;
    folder = join(work.folder, String(count));
  });
  const read = (path: string): string => readFileSync(join(folder, path), "utf8");

  it("makes the folder, and again changes nothing", async () => {
    expect((await runMain(["init", folder, "--json"])).code).toBe(0);
    expect(read("templates/debian/template.toml")).toBe(
      readFileSync(join(REPOSITORY, "templates/debian/template.toml"), "utf8"),
    );
    expect(read("Makefile")).toContain("\ttouch".replace("touch", "@touch $@"));
    expect(JSON.parse(read("package.json"))).toMatchObject({
      devDependencies: { "mesa-blaxel-templates": expect.stringMatching(/^\^\d/u) as string },
    });
    writeFileSync(join(folder, ".gitignore"), `${read(".gitignore")}mine/\n`);
    const before = read(".gitignore");
    expect((await runMain(["init", folder, "--json"])).code).toBe(0);
    expect(read(".gitignore")).toBe(before);
  });

  it("says git init where the folder is no repository's top: GitHub reads workflows there alone", async () => {
    const step = /^ {2}git init .*workflows/mu;
    expect((await runMain(["init", folder])).stdout).toMatch(step);
    mkdirSync(join(folder, ".git"));
    expect((await runMain(["init", folder])).stdout).not.toMatch(step);
  });

  it.each(["outdated", "scan", "drift"])("leaves nothing to do for %s, which says so", async (command) => {
    await runMain(["init", folder]);
    const { code, stdout, stderr } = await runMain([command, "--root", folder]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/yet.*mesa-template/u);
    expect((await runMain([command, "--root", folder, "--json"])).code).toBe(0);
  });

  it("adds what is missing beside a Makefile, and tells what it left alone", async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, "Makefile"), "theirs\n");
    const { code, stdout } = await runMain(["init", folder]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^leave +Makefile$/mu);
    expect(stdout).toContain("Left alone, because they exist with different content: Makefile.");
    expect(stdout).toContain("npx --no-install mesa-template release 0.26.0");
    expect(read("Makefile")).toBe("theirs\n");
    expect(read("templates/debian/template.toml")).not.toBe("");
    expect((await runMain(["init", folder, "--force", "--json"])).code).toBe(0);
    expect(read("Makefile")).toContain("make template");
  });

  it("names the program's own command where the root has neither Makefile nor package.json", async () => {
    mkdirSync(join(folder, "templates"), { recursive: true });
    writeFileSync(join(folder, "templates/upstream.toml"), "");
    const { stdout } = await runMain(["init", folder, "--template", "agent"]);
    expect(stdout).toMatch(/^ {2}mesa-template release 0\.26\.0 --template agent$/mu);
    expect(stdout).not.toMatch(/npm install|make template/u);
  });

  it("prints with --dry-run what it would do, and does nothing", async () => {
    expect((await runMain(["init", folder, "--dry-run", "--json"])).code).toBe(0);
    expect(existsSync(folder)).toBe(false);
  });

  it("adds to ignore files and leaves a package.json alone", async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, ".gitignore"), "theirs/");
    writeFileSync(join(folder, "package.json"), "{}");
    expect((await runMain(["init", folder, "--json"])).code).toBe(0);
    expect(read(".gitignore")).toMatch(/^theirs\/\n[\s\S]*^\.mesa-template\/$/mu);
    expect(read("package.json")).toBe("{}");
  });

  it("writes what Renovate needs, unless there are settings of it already", async () => {
    const ours = JSON.parse(readFileSync(join(REPOSITORY, "renovate.json"), "utf8")) as {
      customManagers: unknown;
    };
    expect((await runMain(["init", folder, "--json"])).code).toBe(0);
    expect(JSON.parse(read("renovate.json"))).toMatchObject({ customManagers: ours.customManagers });
    expect(read("renovate.json")).not.toContain("docs/");
    expect(read(".github/workflows/mesa-renovate.yml")).toContain("npx --no-install mesa-template");
    for (const other of ["renovate.json", ".github/renovate.json5", ".renovaterc"]) {
      const theirs = join(folder, other);
      mkdirSync(join(theirs, ".."), { recursive: true });
      rmSync(join(folder, "renovate.json"));
      writeFileSync(theirs, '{"extends":[]}');
      expect((await runMain(["init", folder, "--force", "--json"])).code).toBe(0);
      expect(readFileSync(theirs, "utf8")).toBe('{"extends":[]}');
      expect([other, existsSync(join(folder, "renovate.json"))]).toEqual([other, other === "renovate.json"]);
      rmSync(theirs);
      writeFileSync(join(folder, "renovate.json"), "{}");
    }
  });

  it("copies one template to start from, and an example by its name, with modes", async () => {
    expect((await runMain(["init", folder, "--json"])).code).toBe(0);
    writeFileSync(
      join(folder, "templates/debian/template.toml"),
      read("templates/debian/template.toml") + "# ours\n",
    );
    mkdirSync(join(folder, "templates/debian/files"));
    writeFileSync(join(folder, "templates/debian/files/run"), "#!/bin/sh\n", { mode: 0o755 });
    symlinkSync("run", join(folder, "templates/debian/files/link"));
    const made = await runMain(["init", folder, "--template", "agent", "--json"]);
    expect(made.code).toBe(0);
    expect(read("templates/agent/files/link")).toBe("#!/bin/sh\n");
    expect(read("templates/agent/template.toml")).toMatch(/# ours\n$/u);
    expect(read("templates/agent/Dockerfile.hbs")).toContain("Your own steps");
    expect(statSync(join(folder, "templates/agent/files/run")).mode & 0o777).toBe(0o755);
    expect((await runMain(["init", folder, "--template", "small", "--from", "alpine"])).code).toBe(0);
    expect(read("templates/small/template.toml")).toContain('install = "extract"');
    expect((await runMain(["init", folder, "--template", "claude-code"])).code).toBe(0);
    expect(read("templates/claude-code/template.toml")).toContain("[downloads.claude]");
    expect((await runMain(["render", "0.20.0", "--root", folder, "--template", "agent"])).code).toBe(2);
  });

  it.each([
    ["--template", "a,b"],
    ["--template", "../x"],
    ["--template", "x", "--from", "nosuch"],
    ["--from", "debian"],
  ])("is wrong usage with %s %s", async (...args) => {
    expect((await runMain(["init", folder, ...args, "--json"])).code).toBe(2);
    expect(existsSync(folder)).toBe(false);
  });

  it.each(["templates", "Makefile", ".github/workflows"])(
    "writes nothing through a link: %s",
    async (name) => {
      const victim = join(work.folder, "victim");
      mkdirSync(victim, { recursive: true });
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      symlinkSync(name === "Makefile" ? join(victim, "Makefile") : victim, join(folder, name));
      const { code, stderr } = await runMain(["init", folder]);
      expect([code, readdirSync(victim)], stderr).toEqual([2, []]);
      expect(stderr).toContain(`${join(folder, name)} is a symbolic link`);
      expect(existsSync(join(folder, "package.json"))).toBe(false);
    },
  );

  it("is wrong usage where a file has the folder's name", async () => {
    writeFileSync(folder, "");
    expect((await runMain(["init", folder, "--json"])).code).toBe(2);
  });
});
