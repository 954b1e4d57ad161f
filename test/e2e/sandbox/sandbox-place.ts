import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { copyTemplates, mesaTemplate, type Ran, type RunOptions } from "../program";
import { faultsOff, resetWorld, state, wish } from "../world";

export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly leftovers: readonly string[];
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly hint: string | null;
    readonly log: readonly string[];
  };
}

/** A folder with released templates, and what tests do with it. */
export interface SandboxPlace {
  readonly root: string;
  /** `sandbox run VERSION --template debian --repo acme/demo --json … -- COMMAND` */
  run(
    version: string,
    command: readonly string[],
    extra?: readonly string[],
    options?: RunOptions,
  ): Promise<Ran>;
  /** Another command of the program, on this folder. */
  ask(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** To be called before each test: what is left of earlier ones is not this one's. */
  begin(): Promise<void>;
  /** The test's runs left nothing: no sandbox, no living credential. */
  expectClean(): Promise<void>;
}

/** Names of what runs left: sandboxes, and credentials that are alive. */
async function leftOfRuns(): Promise<readonly string[]> {
  const world = await state();
  return [
    ...world.sandboxes.map((sandbox) => sandbox.name),
    ...world.keys.filter((key) => key.revoked_at === null).map((key) => key.name),
  ].filter((name) => name.startsWith("mesa-run-"));
}

/** Images of the shared folder's manifest that the world holds, as "TEMPLATE@VERSION"; undefined: a reset took one away. */
async function releasedIn(root: string): Promise<readonly string[] | undefined> {
  const file = join(root, "dockerfiles/manifest.json");
  if (!existsSync(file)) return [];
  const { versions } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly versions: Readonly<
      Record<
        string,
        {
          readonly template: string;
          readonly mesaVersion: string;
          readonly deployments: Readonly<Record<string, { readonly image: string }>>;
        }
      >
    >;
  };
  const entries = Object.values(versions);
  const { images } = await state();
  const isThere = (image: string): boolean =>
    images.some(({ name, tags }) => tags.some((tag) => image.endsWith(`${name}:${tag}`)));
  const there = entries.filter(({ deployments }) =>
    Object.values(deployments).every(({ image }) => isThere(image)),
  );
  return there.length < entries.length
    ? undefined
    : there.map(({ template, mesaVersion }) => `${template}@${mesaVersion}`);
}

/** The folder that all test files of a world share, emptied when a reset of the world took its images away. */
async function sharedFolder(): Promise<{ readonly root: string; readonly released: readonly string[] }> {
  const root = process.env["TESTS_RELEASED_ROOT"] ?? "";
  let released = existsSync(join(root, "templates")) ? await releasedIn(root) : undefined;
  if (released === undefined) {
    rmSync(join(root, "dockerfiles"), { recursive: true, force: true });
    rmSync(join(root, ".mesa-template"), { recursive: true, force: true });
    copyTemplates(root);
    await resetWorld();
    released = [];
  }
  return { root, released };
}

/**
 * Releases what no test file before released already, without verifying it there; Mesa 0.43.0 is published first where it is meant.
 * @param versions of debian
 * @param alsoOnAlpine those of them that are released on Alpine, too
 */
export async function releasedPlace(
  versions: readonly string[],
  alsoOnAlpine: readonly string[] = [],
): Promise<SandboxPlace> {
  const { root, released } = await sharedFolder();
  const left = versions.flatMap((version) => {
    const templates = alsoOnAlpine.includes(version) ? ["debian", "alpine"] : ["debian"];
    const lacking = templates.filter((template) => !released.includes(`${template}@${version}`));
    return lacking.length === 0 ? [] : [{ version, lacking }];
  });
  if (left.some(({ version }) => version === "0.43.0")) await wish({ addVersion: "0.43.0" });
  const releaseOneByOne = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { version, lacking } = next;
      const options = ["--template", lacking.join(","), "--root", root, "--no-verify"];
      const ran = await mesaTemplate(["release", version, ...options], { timeoutMs: 600_000 });
      expect(ran.code, ran.stderr).toBe(0);
    }
  };
  await Promise.all([releaseOneByOne(), releaseOneByOne(), releaseOneByOne()]);
  let before: readonly string[] = [];
  const ask: SandboxPlace["ask"] = (args, runOptions) => {
    const at = args.indexOf("--");
    const rest = at < 0 ? [] : args.slice(at);
    return mesaTemplate([...(at < 0 ? args : args.slice(0, at)), "--root", root, ...rest], runOptions);
  };
  return {
    root,
    ask,
    run: (version, command, extra = [], runOptions = {}) => {
      const which = ["--template", "debian", "--repo", "acme/demo", "--json"];
      return ask(["sandbox", "run", version, ...which, ...extra, "--", ...command], runOptions);
    },
    async begin() {
      await faultsOff();
      before = await leftOfRuns();
    },
    async expectClean() {
      expect((await leftOfRuns()).filter((name) => !before.includes(name))).toEqual([]);
    },
  };
}
