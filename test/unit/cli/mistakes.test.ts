import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { entryOf } from "../manifest/fixture";
import { workFolder } from "./fixture/built";
import { writeProject } from "./fixture/project";
import { runMain } from "./fixture/run-main";

const work = workFolder("mistakes");
const root = join(work.folder, "root");
const manifest = join(root, "dockerfiles/manifest.json");
let written = "";

beforeAll(async () => {
  const revoked = entryOf("debian", "0.10.0", 1, "revoked");
  writeProject(root, {
    ...revoked,
    revocation: { at: revoked.createdAt, by: "Ada", reason: "mounts time out" },
  });
  expect((await run("promote 0.20.0 stable")).code).toBe(0);
  written = readFileSync(manifest, "utf8");
});
afterAll(work.remove);

function run(line: string, env: Readonly<Record<string, string>> = {}): ReturnType<typeof runMain> {
  const words = line.split(" ").filter((word) => word !== "");
  return runMain(words, { MESA_TEMPLATE_ROOT: root, ...env });
}

/** What was typed, what is wrong with it, and what to type instead. Each is wrong usage (2). */
const MISTAKES: readonly (readonly [string, RegExp, RegExp])[] = [
  // Commands
  ["", /Which command\?/u, /mesa-template --help/u],
  ["version", /no command version/u, /Did you mean mesa-template --version\?/u],
  ["-v", /no option -v/u, /Did you mean --version\?/u],
  ["relase 0.20.0", /no command relase/u, /Did you mean mesa-template release\?/u],
  ["promte 0.20.0 stable", /no command promte/u, /Did you mean mesa-template promote\?/u],
  ["roleback stable", /no command roleback/u, /Did you mean mesa-template rollback\?/u],
  ["lst", /no command lst/u, /Did you mean mesa-template list\?/u],
  ["list-channels", /no command list-channels/u, /--help lists the commands/u],
  ["shell", /no command shell/u, /Did you mean mesa-template sandbox shell\?/u],
  ["run", /no command run/u, /Did you mean mesa-template sandbox run\?/u],
  ["check", /no command check/u, /Did you mean mesa-template manifest check\?/u],
  ["sandbox", /Which one: sandbox run, sandbox shell/u, /mesa-template sandbox --help/u],
  ["sandbox rnu", /no command sandbox rnu/u, /Did you mean mesa-template sandbox run\?/u],
  ["sandbox 0.20.0", /no command sandbox 0\.20\.0/u, /mesa-template sandbox --help/u],
  ["manifest", /Which one: manifest check, manifest merge\?/u, /mesa-template manifest --help/u],
  ["manifest chekc", /no command manifest chekc/u, /Did you mean mesa-template manifest check\?/u],
  ["help relase", /no command relase/u, /Did you mean mesa-template release\?/u],
  ["relase --help", /no command relase/u, /Did you mean mesa-template release\?/u],
  ["xyzzy", /no command xyzzy/u, /--help lists the commands/u],
  // What is missing
  ["release", /Which Mesa version\?/u, /mesa-template release MESA-VERSION .*release --help/u],
  ["build", /Which Mesa version\?/u, /mesa-template build MESA-VERSION/u],
  ["lock", /Which Mesa version\?/u, /--check/u],
  ["render", /Which Mesa version\?/u, /--check/u],
  [
    "release 0.20.0 --dry-run --upstream nowhere.toml",
    /--upstream: there is no file .*nowhere\.toml/u,
    /sources of images/u,
  ],
  ["promote", /Which version, and which channel\?/u, /mesa-template promote REF CHANNEL/u],
  ["promote stable", /Which version\?/u, /mesa-template promote REF CHANNEL .*promote --help/u],
  ["promote 0.20.0", /Which channel\?/u, /mesa-template promote REF CHANNEL/u],
  ["promote debian@0.20.0-1", /Which channel\?/u, /mesa-template promote REF CHANNEL/u],
  ["rollback", /Which channel\?/u, /mesa-template rollback CHANNEL/u],
  ["revoke", /Which version\?/u, /mesa-template revoke ID/u],
  ["show", /Which version\?/u, /mesa-template show ID/u],
  ["resolve", /Which version\?/u, /mesa-template resolve REF/u],
  ["diff", /Which version\?/u, /mesa-template diff A \[B\]/u],
  ["notes", /Which version\?/u, /mesa-template notes REF/u],
  ["verify", /Which version\?/u, /mesa-template verify REF/u],
  ["sandbox bootstrap", /Which sandbox\?/u, /mesa-template sandbox bootstrap SANDBOX/u],
  ["sandbox run stable --repo acme/app", /Which command\?/u, /--repo ORG\/REPO -- COMMAND/u],
  ["sandbox run stable --template debian -- ls", /Which repository\?/u, /--repo ORG\/REPO/u],
  [
    "sandbox bootstrap box",
    /no lock for Mesa 0\.20\.0, which stable points at/u,
    /mesa-template lock 0\.20\.0/u,
  ],
  ["smoke", /smoke REF/u, /smoke --help/u],
  ["smoke --image", /--image needs a value/u, /--image IMAGE/u],
  ["init a b", /Unexpected argument: b/u, /mesa-template init \[DIR\]/u],
  ["channels stable", /Unexpected argument: stable/u, /mesa-template channels --help/u],
  ["release 0.20.0 --concurrency -1", /must be a whole number of at least 1/u, /release --help/u],
  ["scan --severity bad", /--severity is "bad"; it is one of: low, medium/u, /scan --help/u],
  ["outdated --preleases", /no option --preleases/u, /Did you mean --prerelease\?/u],
  // What is too much
  ["promote 0.20.0 stable canary", /Unexpected argument: canary/u, /promote REF CHANNEL/u],
  ["list debian", /Unexpected argument: debian/u, /mesa-template list --help/u],
  ["release 0.20.0 0.26.0", /Unexpected argument: 0\.26\.0/u, /release MESA-VERSION/u],
  ["list -- ls", /Unexpected after --: ls/u, /mesa-template list --help/u],
  [
    "sandbox run stable --repo acme/app ls -la",
    /Put the command after --/u,
    /mesa-template sandbox run stable --repo acme\/app -- ls -la/u,
  ],
  ["sandbox run stable -la --repo acme/app", /sandbox run has no option -la/u, /after --/u],
  // Options
  [
    "release 0.20.0 --no-deply",
    /release has no option --no-deply/u,
    /Did you mean --no-deploy\?.*release --help/u,
  ],
  ["release 0.20.0 --alow-skipped", /no option --alow-skipped/u, /Did you mean --allow-skipped\?/u],
  ["release 0.20.0 --dryrun", /no option --dryrun/u, /Did you mean --dry-run\?/u],
  ["release 0.20.0 --dry_run", /no option --dry_run/u, /Did you mean --dry-run\?/u],
  ["list --jsno", /list has no option --jsno/u, /Did you mean --json\?/u],
  ["list -j", /list has no option -j/u, /mesa-template list --help/u],
  ["list --templates debian", /no option --templates/u, /Did you mean --template\?/u],
  ["promote 0.20.0 stable --reson x", /no option --reson/u, /Did you mean --reason\?/u],
  ["rollback stable --to=", /--to is empty/u, /Give it a value/u],
  ["sandbox run stable --rpeo acme/app -- ls", /no option --rpeo/u, /Did you mean --repo\?/u],
  ["report --out x.html", /report has no option --out/u, /Did you mean --output\?/u],
  ["--unknown", /mesa-template has no option --unknown/u, /mesa-template --help/u],
  [
    "sandbox run stable --repo acme/app --dry-run -- ls",
    /sandbox run has no dry run, which --dry-run asks for/u,
    /sandbox run --help/u,
  ],
  ["promote 0.20.0 stable --dry-run=1", /--dry-run takes no value/u, /Write --dry-run or --no-dry-run/u],
  ["promote 0.20.0 stable --dry-run=", /--dry-run takes no value/u, /promote --help/u],
  ["list --no-json=false", /--no-json takes no value/u, /list --help/u],
  ["lock 0.20.0 --frozen=yes", /--frozen takes no value/u, /lock --help/u],
  ["list --toString", /list has no option --toString/u, /list --help/u],
  // What is new in a scan is so once, and a report is a file.
  ["scan --dry-run", /scan has no dry run, which --dry-run asks for/u, /scan --help/u],
  ["report --no-drift --dry-run", /report has no dry run, which --dry-run asks for/u, /report --help/u],
  ["verify 0.20.0 --dry-run", /verify has no dry run, which --dry-run asks for/u, /verify --help/u],
  // Values
  ["list --template", /--template needs a value/u, /Write --template a,b/u],
  ["list --template --status verified", /--template needs a value/u, /Write --template a,b/u],
  ["list --template debian,", /--template contains an empty name/u, /--template debian,alpine/u],
  ["list --concurrency many", /--concurrency is "many", which is not a number/u, /--concurrency N/u],
  ["list --concurrency 0", /must be a whole number of at least 1/u, /mesa-template list --help/u],
  ["list --concurrency 1.5", /must be a whole number of at least 1/u, /mesa-template list --help/u],
  ["release 0.20.0 --publish psuh", /--publish is "psuh"/u, /Did you mean push\?/u],
  ["release 0.20.0 --scan severe", /--scan is "severe"; it is one of: low, medium/u, /release --help/u],
  ["release 0.20.0 --deploy-timeout 0s", /--deploy-timeout is "0s"/u, /15m/u],
  ["sandbox run stable --repo acme/app --memory -5 -- ls", /--memory is -5; .*at least 1/u, /sandbox run/u],
  ["release 0.20.0 --deploy-timeout 15", /--deploy-timeout is "15"/u, /15m/u],
  ["list --status verfied", /no status "verfied"/u, /Did you mean verified\?/u],
  ["list --channel stabel", /no channel stabel.*Did you mean stable\?/u, /list --help/u],
  ["release 0.20.0 --frozen --relock", /give one of them/u, /release --help/u],
  ["release 0.20.0 --relock --refresh", /give one of them/u, /release --help/u],
  ["lock 0.20.0 --check --relock", /give one of them/u, /lock --help/u],
  ["upgrade --branch --deploy", /--branch commits an upgrade .* deploys nothing/u, /Give one of them/u],
  ["upgrade --branch-name x", /--branch-name names the branch of --branch/u, /Give both, or neither/u],
  ["upgrade --sign cosign", /--sign signs what is published/u, /Add --deploy, or remove --sign/u],
  [
    "upgrade --sign-key env:KEY",
    /--sign-key signs what is published/u,
    /Add --deploy, or remove --sign-key/u,
  ],
  ["report --no-drift --output /tmp", /\/tmp could not be written: it is a folder/u, /path of a file/u],
  ["list --root package.json", /package\.json is not a folder/u, /--root DIR/u],
  ["list --root nowhere", /nowhere has neither templates\/ nor dockerfiles\//u, /init/u],
  // Versions, channels, templates
  ["release v0.20.0", /"v0\.20\.0" is not a Mesa version/u, /Did you mean 0\.20\.0\?/u],
  ["release 0.20", /"0\.20" is not a Mesa version/u, /Did you mean 0\.20\.0\?/u],
  ["release debian@0.20.0-1", /not a Mesa version/u, /0\.20\.0 --template debian/u],
  ["release latest", /"latest" is not a Mesa version/u, /mesa-template upgrade/u],
  ["list --template debain", /no template debain/u, /Did you mean debian\?/u],
  ...["drift", "scan", "report", "smoke stable", "history", "promote 0.20.0 stable"].map(
    (line) => [`${line} --template debain`, /no template debain/u, /Did you mean debian\?/u] as const,
  ),
  ["release 0.20.0 --template debain", /no template debain/u, /Did you mean debian\?/u],
  ["release 0.20.0 --template nosuch", /no template nosuch/u, /alpine, debian/u],
  ["release 0.20.0 --template ../x", /"\.\.\/x" is not a valid name/u, /lower-case/u],
  ["release 0.20.0 --template Debian", /"Debian" is not a valid name/u, /lower-case/u],
  [
    "resolve stable --template agent",
    /channel stable exists only for alpine, debian|no template agent/u,
    /./u,
  ],
  ["resolve stabel", /Nothing is called stabel/u, /Did you mean stable\?/u],
  ["resolve 0.20.0", /several|debian@0\.20\.0-1/u, /--template/u],
  ["resolve 0.10.0 --template debian", /revoked.*mounts time out/u, /./u],
  ["show debian@0.20.0", /Nothing is called debian@0\.20\.0/u, /Did you mean debian@0\.20\.0-1\?/u],
  [
    "show unreleased@0.26.0-1",
    /Nothing is called unreleased/u,
    /has no versions yet\. Release one: mesa-template release/u,
  ],
  ["show debian@0.26.0-2", /Nothing is called/u, /Did you mean debian@0\.26\.0-1\?/u],
  ["promote 0.26.0 stable", /alpine has no usable version of Mesa 0\.26\.0/u, /--template debian/u],
  ["promote debian@0.38.0-1 stable", /it failed/u, /./u],
  ["promote debian@0.12.0-1 stable", /not deployed yet/u, /release 0\.12\.0 --template debian/u],
  ["promote 0.20.0 stabel", /no channel stabel\. Did you mean stable\?/u, /--create/u],
  ["promote 0.20.0 Stable", /not a valid name of a channel/u, /lower-case/u],
  ["promote constructor stable", /Nothing is called constructor/u, /A REF is/u],
  ["promote debian@0.20.0-1 stable --template alpine", /is not a version of alpine/u, /omit --template/u],
  ["rollback canary", /no channel canary\. There are: stable\./u, /mesa-template channels/u],
  ["rollback 0.20.0", /no channel 0\.20\.0/u, /mesa-template rollback CHANNEL --to 0\.20\.0/u],
  [
    "promote stable 0.20.0",
    /"0\.20\.0" is not a valid/u,
    /Did you mean mesa-template promote 0\.20\.0 stable\?/u,
  ],
  ["rollback stabel", /no channel stabel.*Did you mean stable\?/u, /mesa-template channels/u],
  ["completion fish", /not available for fish/u, /bash, zsh/u],
  ["resolve debian", /Nothing is called debian in/u, /Did you mean debian@0\.38\.0-1\?/u],
  ["resolve debian@0.20", /Nothing is called debian@0\.20 in/u, /Did you mean debian@0\.20\.0-1\?/u],
  ["resolve Debian@0.20.0-1", /Nothing is called Debian/u, /Did you mean debian@0\.20\.0-1\?/u],
  ["resolve stable --template alpine,debian", /several versions: alpine@.*debian@/u, /--template/u],
  ["drift nope", /Nothing is called nope/u, /an id, a Mesa version or a channel\. Known: /u],
  ["history stabel", /no channel stabel.*Did you mean stable\?/u, /mesa-template channels/u],
  ["channels --delete nope", /no channel nope/u, /mesa-template channels/u],
  ["revoke debian@0.20.0-1", /--reason is missing/u, /--reason TEXT/u],
  ["unrevoke debian@0.20.0-1 --reason x", /is not revoked: it is verified/u, /nothing to undo/u],
  ["matrix 0.20", /"0\.20" is not a Mesa version/u, /Did you mean 0\.20\.0\?/u],
  ["deploy latest", /"latest" is not a Mesa version/u, /mesa-template outdated/u],
  ["release 0.20.0 --dry-run --checks gone.yaml", /no test file .*gone\.yaml/u, /--checks/u],
  ["release 0.20.0 --structure-tests gone.yaml", /no test file .*gone\.yaml/u, /--structure-tests/u],
  [
    "release 0.20.0 --dry-run --trust-key xyz",
    /"xyz" \(--trust-key\) is not a key's full/u,
    /gpg --show-keys/u,
  ],
  ["lock 0.20.0 --upstream templates", /templates: it is a folder, not a file/u, /Give the path of a file/u],
  ["init --template ../x", /"\.\.\/x" is not a valid name/u, /lower-case/u],
  ["smoke --image a:b", /--image needs a file of checks/u, /smoke --help/u],
  ["smoke --image a//b --checks c.yaml", /"a\/\/b" does not name an image/u, /Write it in full/u],
  ["smoke --image a: --checks c.yaml", /"a:" does not name an image: "" is not a tag/u, /Write it in full/u],
  ["manifest merge", /Which manifests\?/u, /manifest merge A\.json B\.json/u],
  ["manifest check nofile.json", /There is no file .*nofile\.json/u, /manifest check --help/u],
  [
    "sandbox run 0.20.0 --repo acme/app --write --read-only -- ls",
    /exclude each other/u,
    /sandbox run --help/u,
  ],
  [
    "sandbox run 0.20.0 --image a/b:1 --repo a/b -- ls",
    /REF and --image exclude/u,
    /--mesa-version VERSION/u,
  ],
  ["sandbox shell --mesa-version 0.20.0 --repo a/b", /--mesa-version needs --image/u, /REF/u],
  ["sandbox merge app session/1", /"app" is not a repository/u, /^Write ORG\/REPO\.$/mu],
];

describe("mistyped command lines", () => {
  it.each(MISTAKES)("%s", async (line, message, hint) => {
    const { code, stdout, stderr } = await run(line);
    expect([code, stdout], stderr).toEqual([2, ""]);
    const [error = "", todo = ""] = stderr
      .slice(Math.max(0, stderr.indexOf("error: ")))
      .split("what to do: ");
    expect(error).toMatch(message);
    expect(todo).toMatch(hint);
    expect(stderr).not.toMatch(/\n\s+at /u);
    expect(readFileSync(manifest, "utf8")).toBe(written);
  });

  it.each(["relase", "promote stable", "release 0.20.0 --no-deply", ""])(
    "is one JSON document with --json: %s",
    async (line) => {
      const { code, stdout, stderr } = await run(`${line} --json`);
      expect([code, stderr]).toEqual([2, ""]);
      expect(JSON.parse(stdout)).toMatchObject({
        ok: false,
        error: { code: "USAGE", message: expect.any(String) as string, hint: expect.any(String) as string },
      });
    },
  );

  it("leaves a template that was never released out of an upgrade, and says so", async () => {
    const other = join(work.folder, "other");
    writeProject(other);
    cpSync(join(other, "templates/debian"), join(other, "templates/agent"), { recursive: true });
    const { code, stderr } = await run("upgrade 0.10.0", { MESA_TEMPLATE_ROOT: other });
    expect([code, stderr]).toEqual([2, expect.stringContaining("agent: no version to upgrade from yet")]);
    expect(stderr).toMatch(/0\.10\.0 is older than alpine@0\.20\.0-1/u);
    expect((await run("upgrade 0.10.0 --template agent", { MESA_TEMPLATE_ROOT: other })).stderr).toContain(
      "There is no version to upgrade from yet.",
    );
  });

  it("names an empty word, such as a variable that is not set", async () => {
    for (const [words, message] of [
      [[""], "There is no command ''."],
      [["list", ""], "Unexpected argument: ''."],
    ] as const)
      expect(await runMain(words)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(message) as string,
      });
  });

  it("is text with --no-json, whatever the environment wants", async () => {
    const { stdout, stderr } = await run("list --status x --no-json", { MESA_TEMPLATE_JSON: "1" });
    expect([stdout, stderr]).toEqual(["", expect.stringMatching(/^error: There is no status "x"/u)]);
  });

  it.each([
    ["MESA_TEMPLATE_WORKSPCE", "MESA_TEMPLATE_WORKSPACE"],
    ["MESA_TEMPLATE_TEMPLATES", "MESA_TEMPLATE_TEMPLATE"],
    ["MESA_TEMPLATE_DRYRUN", "MESA_TEMPLATE_DRY_RUN"],
  ])("is also found in the environment: %s", async (name, meant) => {
    const { code, stderr } = await run("list", { [name]: "1" });
    expect(code).toBe(0);
    expect(stderr).toContain(`Did you mean ${meant}?`);
  });

  it("is not every variable of that name", async () => {
    const { code, stderr } = await run("list", {
      MESA_TEMPLATE_WORLD: "x",
      MESA_TEMPLATE_BUILDER: "x",
      MESA_TEMPLATE_INPUTS: "x",
    });
    expect([code, stderr]).toEqual([0, ""]);
  });
});

describe("help", () => {
  it.each(["help", "--help", "-h", "help help"])("of the program groups all commands: %s", async (line) => {
    const { code, stdout, stderr } = await run(line);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.match(/^[A-Z][A-Za-z ]+:$/gmu)).toEqual([
      "Release:",
      "Versions and channels:",
      "Upgrade:",
      "Sandboxes:",
      "Pipelines:",
      "Housekeeping:",
    ]);
  });

  it.each([
    "help promote",
    "promote --help",
    "promote stable --help",
    "promote -h",
    "--help promote",
    "promote help",
  ])(
    "of a command has its own options, examples, exit codes and then the common options: %s",
    async (line) => {
      const { code, stdout } = await run(line);
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^mesa-template promote REF CHANNEL\n\nPoint a channel[^]*\nOptions:\n[^]*--reason[^]*\nExamples:\n[^]*\nExit codes:\n[^]*\nCommon options:\n[^]*--template/u,
      );
    },
  );

  it("of a command names only common options that mean something", async () => {
    const { stdout } = await run("completion --help");
    expect(stdout).not.toMatch(/--concurrency|--dry-run|--upstream/u);
    for (const line of ["sandbox --help", "sandbox help"])
      expect((await run(line)).stdout).toContain("sandbox bootstrap SANDBOX");
  });
});

describe("a wrong value of a variable", () => {
  it.each([
    ["CONCURRENCY", "0", " is 0; it must be a whole number"],
    ["UPSTREAM", "nowhere.toml", ": there is no file "],
    ["TEMPLATE", "debian,", " contains an empty name."],
  ])("names the variable: MESA_TEMPLATE_%s=%s", async (name, value, words) => {
    const variable = `MESA_TEMPLATE_${name}`;
    const { code, stderr } = await runMain(["list", "--root", root], { [variable]: value });
    expect(code).toBe(2);
    expect(stderr).toContain(`error: ${variable}${words}`);
  });

  it("includes a dry run of a command that would act anyway", async () => {
    const { code, stderr } = await run("verify 0.20.0", { MESA_TEMPLATE_DRY_RUN: "1" });
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining("verify has no dry run, which MESA_TEMPLATE_DRY_RUN asks for."),
    ]);
  });
});

describe("--root", () => {
  it("may be a path from the working directory", async () => {
    const { code, stderr } = await runMain(["list", "--root", relative(process.cwd(), root)]);
    expect([code, stderr]).toEqual([0, ""]);
  });
});

describe("a configuration of bl that is not YAML", () => {
  it.each([
    ["history", 0],
    ["unrevoke debian@0.10.0-1 --reason x --dry-run", 0],
    ["list", 3],
  ])("matters only where the workspace does: %s", async (line, code) => {
    const home = join(work.folder, "home");
    mkdirSync(join(home, ".blaxel"), { recursive: true });
    writeFileSync(join(home, ".blaxel/config.yaml"), "{");
    expect((await run(line, { HOME: home })).code).toBe(code);
  });
});

describe("--check without a version", () => {
  it.each(["lock --check", "render --check"])(
    "checks what is there, which may be nothing: %s",
    async (line) => {
      const { code, stdout } = await run(line);
      expect([code, stdout]).toEqual([0, "There are no locks yet.\n"]);
    },
  );
});
