import { execFileSync, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fakeEngine } from "../docker/fixture/fake-engine";
import { makeKey } from "../lock/fixture/signed-repository";
import { upstreamText, upstreamWorld, type UpstreamWorld } from "../lock/fixture/upstream-world";
import { buildInto, workFolder } from "./fixture/built";
import { runProgram, type Ran } from "./fixture/program";
import { writeProject } from "./fixture/project";

const work = workFolder("breakage");
const program = join(work.folder, "dist/mesa-template.js");
/** A project with locks, which each case gets a copy of. */
const project = join(work.folder, "project");
let upstream: UpstreamWorld;
let engine: HttpServer;
let env: Record<string, string>;

const portOf = (server: Server): string => String((server.address() as AddressInfo).port);

beforeAll(async () => {
  buildInto(join(work.folder, "dist"));
  upstream = await upstreamWorld(await makeKey());
  engine = createHttpServer(fakeEngine({ component: "Engine", buildKit: false, asked: [] }));
  await new Promise<void>((done) => engine.listen(0, "127.0.0.1", done));
  writeProject(project);
  cpSync(join(upstream.root, "templates/keys"), join(project, "templates/keys"), { recursive: true });
  writeFileSync(join(project, "templates/upstream.toml"), await upstreamText(await upstream.upstream()));
  env = {
    PATH: process.env["PATH"] ?? "",
    HOME: "/nonexistent",
    BL_WORKSPACE: "ws",
    DOCKER_HOST: `tcp://127.0.0.1:${portOf(engine)}`,
  };
  const locked = await runProgram(
    program,
    ["lock", "0.20.0", "--template", "debian", "--root", project],
    env,
  );
  expect(locked.code, locked.stderr).toBe(0);
}, 60_000);
afterAll(async () => {
  engine.closeAllConnections();
  engine.close();
  await upstream.close();
  work.remove();
});

const COMMANDS = {
  list: "list --json",
  version: "--version",
  help: "release --help",
  promote: "promote debian@0.20.0-1 canary",
  check: "lock --check",
  lock: "lock 0.20.0 --relock --template debian",
  render: "render 0.20.0 --template debian",
  doctor: "doctor",
  // It ends at the build, for which the engine has no base image.
  release: "release 0.20.0 --template debian --no-deploy --allow-skipped",
} as const;
type Name = keyof typeof COMMANDS;
type Codes = Readonly<Record<Name, number>>;

/** How they end when nothing is broken. */
const USUAL: Codes = {
  list: 0,
  version: 0,
  help: 0,
  promote: 0,
  check: 0,
  lock: 0,
  render: 0,
  doctor: 3,
  release: 5,
};

interface Breakage {
  /** Shell commands that break things, in the project's folder. */
  readonly first?: string;
  /** What stands behind each command line. */
  readonly redirect?: string;
  /** How commands end then, where it is not as usual. */
  readonly codes?: Partial<Codes>;
  /** Whether it may also be the environment's fault (3). */
  readonly mayFail?: boolean;
}

const tmpfs = (folder: string, size: string): string => `mount -t tmpfs -o size=${size} none "${folder}"`;
const FILL = "head -c 9m /dev/zero 2>/dev/null";

/** Where nothing can be written. */
const UNWRITABLE: Partial<Codes> = { promote: 8, render: 3, release: 3 };

const BREAKAGES: Readonly<Record<string, Breakage>> = {
  nothing: {},
  "a closed stdout": { redirect: ">&-" },
  "a reader of stdout that is gone": { redirect: "> >(true)" },
  "a full disk as stdout": {
    redirect: ">/dev/full",
    codes: { list: 3, version: 3, help: 3, promote: 3, check: 3, lock: 3, render: 3, release: 3 },
  },
  "a closed stderr": { redirect: "2>&-" },
  "a full disk as stderr": { redirect: "2>/dev/full" },
  "a missing TMPDIR": { first: 'rmdir "$TMPDIR"' },
  "a removed working folder": {
    first: "mkdir gone; cd gone; rmdir ../gone",
    codes: { list: 3, promote: 3, check: 3, lock: 3, render: 3, release: 3 },
  },
  "64 open files": { first: "ulimit -n 64" },
  // How far a command comes depends on Node.
  "32 open files": { first: "ulimit -n 32", mayFail: true },
};

/** Breakages that only root can make. */
const MOUNTS: Readonly<Record<string, Breakage>> = {
  "a read-only project": {
    first: 'mount --bind . .; mount -o remount,ro,bind .; cd "$PWD"',
    codes: UNWRITABLE,
  },
  "a read-only project that nothing was run in yet": {
    first: 'rm -r .mesa-template; mount --bind . .; mount -o remount,ro,bind .; cd "$PWD"',
    codes: UNWRITABLE,
  },
  "a full project": {
    first: `cp -r . ../whole; ${tmpfs(".", "4m")}; cd "$PWD"; cp -r ../whole/. .; ${FILL} >fill`,
    codes: UNWRITABLE,
  },
  "a full .mesa-template": {
    first: `mkdir -p .mesa-template; ${tmpfs(".mesa-template", "64k")}; ${FILL} >.mesa-template/fill`,
    // What was downloaded cannot be kept there, and a lock is written elsewhere.
    codes: { render: 3, release: 3 },
  },
  "a full TMPDIR": { first: `${tmpfs("$TMPDIR", "64k")}; ${FILL} >"$TMPDIR/fill"` },
};

interface Ending {
  readonly code: number;
  readonly text: string;
}

/** Runs every command where something is broken; each one's exit code and words. */
async function allWith(
  folder: string,
  { first = "", redirect = "" }: Breakage,
  mounts: boolean,
): Promise<Record<Name, Ending>> {
  const said = join(folder, "said");
  mkdirSync(said);
  const lines = Object.entries(COMMANDS).map(
    ([name, line]) =>
      `( "${process.execPath}" "${program}" ${line} ${redirect} ) >"${said}/${name}" 2>&1; echo "$?" >"${said}/${name}.code"`,
  );
  const script = `cd "${folder}/project"\n${first}\n${lines.join("\n")}`;
  const [file, ...args] = [...(mounts ? ["unshare", "--mount"] : []), "bash", "-c", script];
  const child = spawn(file ?? "", args, { env: { ...env, TMPDIR: join(folder, "tmp") }, stdio: "ignore" });
  await new Promise((done) => child.once("close", done));
  const read = (name: string): string => readFileSync(join(said, name), "utf8");
  return Object.fromEntries(
    Object.keys(COMMANDS).map((name) => [name, { code: Number(read(`${name}.code`)), text: read(name) }]),
  ) as Record<Name, Ending>;
}

/** A copy of the project, beside a folder for temporary files. */
function place(name: string): string {
  const folder = join(work.folder, name.replaceAll(/[^a-z0-9]/gu, "-"));
  // A second try begins anew.
  rmSync(folder, { recursive: true, force: true });
  cpSync(project, join(folder, "project"), { recursive: true });
  mkdirSync(join(folder, "tmp"));
  return folder;
}

/** Temporary files and locks below a folder. */
function leftBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((path) => /\.(?:tmp|lock)$|^mesa-template-/u.test(basename(path)));
}

/** Nothing is left, and the next run of what writes finishes. */
async function expectSound(folder: string, names: readonly Name[]): Promise<void> {
  for (const part of ["project", "tmp"]) expect(leftBelow(join(folder, part))).toEqual([]);
  for (const name of names) {
    const next = await ran(COMMANDS[name], folder);
    expect(next.code, next.stderr).toBe(0);
  }
}

function ran(line: string, folder: string): Promise<Ran> {
  return runProgram(program, [...line.split(" "), "--root", join(folder, "project")], env);
}

async function expectEndings(name: string, breakage: Breakage, mounts: boolean): Promise<void> {
  const folder = place(name);
  const ended = await allWith(folder, breakage, mounts);
  for (const [command, { code, text }] of Object.entries(ended) as [Name, Ending][]) {
    const wanted = breakage.codes?.[command] ?? USUAL[command];
    expect(breakage.mayFail === true && code === 3 ? wanted : code, `${command}: ${text}`).toBe(wanted);
    expect(text).not.toMatch(/^\s+at /mu);
    // It names the file, and does not quote the system instead.
    expect(text).not.toContain("(no space is left on the disk)");
    expect(text).not.toContain("there is no such file or folder");
  }
  await expectSound(folder, mounts ? ["promote", "render"] : ["promote"]);
}

const LIMIT = 120_000;

describe.concurrent("every command ends well with", () => {
  it.each(Object.entries(BREAKAGES))(
    "%s",
    async (name, breakage) => {
      await expectEndings(name, breakage, false);
    },
    LIMIT,
  );

  // Only root may mount.
  it.skipIf(spawnSync("unshare", ["--mount", "true"]).status !== 0).each(Object.entries(MOUNTS))(
    "%s",
    async (name, breakage) => {
      await expectEndings(name, breakage, true);
    },
    LIMIT,
  );

  it("a login that only bl login wrote, which is no breakage", async () => {
    const folder = place("bl-login");
    mkdirSync(join(folder, "home/.blaxel"), { recursive: true });
    writeFileSync(join(folder, "home/.blaxel/config.yaml"), "context: {workspace: staging}\n");
    const args = ["list", "--root", join(folder, "project")];
    const { code, stderr } = await runProgram(program, args, {
      ...env,
      BL_WORKSPACE: "",
      HOME: join(folder, "home"),
    });
    expect(code, stderr).toBe(0);
  });

  it(
    "a pipe that nobody writes where a file is expected",
    async () => {
      const folder = place("pipe");
      const pipe = join(folder, "config.json");
      const lock = join(folder, "project/.mesa-template/locks/debian@0.26.0.lock");
      mkdirSync(dirname(lock), { recursive: true });
      for (const path of [pipe, lock]) execFileSync("mkfifo", [path]);
      const ownEnv = { ...env, DOCKER_CONFIG: folder };
      for (const [line, code, its = ownEnv] of [
        [`release 0.20.0 --dry-run --registry localhost:1/x --sign-key ${pipe}`, 2],
        [`sandbox run 0.20.0 --template debian --layout ${pipe} -- true`, 2],
        ["release 0.26.0 --template debian --no-deploy --allow-skipped", 2],
        [`report --output ${pipe}`, 3],
        ["doctor", 3, { ...ownEnv, DOCKER_HOST: "" }],
        // Its manifest is a pipe from here on.
        ["list", 8],
        ["--complete mesa-template resolve d", 0],
      ] as const) {
        const manifest = join(folder, "project/dockerfiles/manifest.json");
        if (line === "list") execFileSync("ln", ["-sf", pipe, manifest]);
        const [before = "", ...rest] = line.split(" -- ");
        const root = line.startsWith("--complete") ? [] : ["--root", join(folder, "project")];
        const args = [...before.split(" "), ...root, ...rest.flatMap((words) => ["--", words])];
        const given = { ...its, MESA_TEMPLATE_ROOT: join(folder, "project") };
        const command = ["timeout", "--signal=KILL", "20", process.execPath];
        const { code: ended, stderr } = await runProgram(program, args, given, command);
        expect(ended, `${line}: ${stderr}`).toBe(code);
        expect(stderr).not.toMatch(/^\s+at /mu);
      }
    },
    LIMIT,
  );

  it.each([
    ["SIGTERM", "doctor"],
    ["SIGHUP", "release 0.20.0 --template debian --no-deploy --allow-skipped"],
    ["SIGTERM", "lock 0.20.0 --relock --template debian"],
    ["SIGHUP", "smoke 0.20.0 --template debian"],
    ["Ctrl-C", "release 0.20.0 --template debian --no-deploy --allow-skipped"],
    ["Ctrl-C", "outdated --template debian"],
    ["Ctrl-C", "sandbox run 0.20.0 --template debian --repo acme/demo -- true"],
  ] as const)(
    "%s while the other side is silent: %s",
    async (signal, line) => {
      const folder = place(`${signal}-${line.replace(/ .*/u, "")}`);
      const silent = createServer();
      const asked = new Promise((done) => silent.once("connection", done));
      await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
      const toml = join(folder, "project/templates/upstream.toml");
      writeFileSync(
        toml,
        readFileSync(toml, "utf8").replace(upstream.images.host, `127.0.0.1:${portOf(silent)}`),
      );
      const [first, rest] = line.split(" -- ");
      const whole = `exec "${process.execPath}" "${program}" ${first ?? ""} --root "${folder}/project"${rest === undefined ? "" : ` -- ${rest}`}`;
      const [file, ...args] =
        signal === "Ctrl-C" ? ["script", "-qec", whole, "/dev/null"] : ["bash", "-c", whole];
      const at = `127.0.0.1:${portOf(silent)}`;
      const child = spawn(file ?? "", args, {
        env: {
          ...env,
          TERM: "xterm",
          TMPDIR: join(folder, "tmp"),
          DOCKER_HOST: `tcp://${at}`,
          MESA_API_URL: `http://${at}`,
          MESA_API_KEY: "key",
          MESA_ORG: "acme",
          BL_API_URL: `http://${at}`,
          BL_API_KEY: "key",
        },
        stdio: ["pipe", "pipe", "pipe"],
      });
      let text = "";
      let again = signal !== "Ctrl-C";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => {
          text += chunk.toString();
          // A second one, when the program has said its last word.
          if (again && text.includes("what to do: ")) again = !child.kill(signal as NodeJS.Signals);
        });
      await asked;
      if (signal === "Ctrl-C") child.stdin.write("\u0003");
      else child.kill(signal);
      const code = await new Promise((done) => child.once("close", done));
      silent.close();
      expect(code, text).toBe(130);
      expect(text).toContain(`Interrupted by ${signal === "Ctrl-C" ? "SIGINT" : signal}`);
      expect(text).not.toMatch(/^\s+at /mu);
      for (const part of ["project", "tmp"]) expect(leftBelow(join(folder, part))).toEqual([]);
    },
    LIMIT,
  );
});
