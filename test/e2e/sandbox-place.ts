import { expect } from "vitest";
import { mesaTemplate, temporaryRoot, type Ran, type RunOptions } from "./program";
import { faultsOff, resetWorld, state, wish } from "./world";

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

/** A folder with released templates in a fresh world, and what tests do with it. */
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
  remove(): void;
}

/** Names of what runs left: sandboxes, and credentials that are alive. */
async function leftOfRuns(): Promise<readonly string[]> {
  const world = await state();
  return [
    ...world.sandboxes.map((sandbox) => sandbox.name),
    ...world.keys.filter((key) => key.revoked_at === null).map((key) => key.name),
  ].filter((name) => name.startsWith("mesa-run-"));
}

/** Releases versions into a fresh world, without verifying them there; `added` ones are published there first. */
export async function releasedPlace(
  versions: readonly string[],
  templates: readonly string[] = ["debian"],
  added: readonly string[] = [],
): Promise<SandboxPlace> {
  await resetWorld();
  for (const addVersion of added) await wish({ addVersion });
  const place = temporaryRoot();
  let before: readonly string[] = [];
  const options = ["--template", templates.join(","), "--root", place.root, "--no-verify"];
  const left = [...versions];
  const releaseOneByOne = async (): Promise<void> => {
    for (let version = left.shift(); version !== undefined; version = left.shift()) {
      const ran = await mesaTemplate(["release", version, ...options], { timeoutMs: 600_000 });
      expect(ran.code, ran.stderr).toBe(0);
    }
  };
  await Promise.all([releaseOneByOne(), releaseOneByOne(), releaseOneByOne()]);
  const ask: SandboxPlace["ask"] = (args, runOptions) => {
    const at = args.indexOf("--");
    const rest = at < 0 ? [] : args.slice(at);
    return mesaTemplate([...(at < 0 ? args : args.slice(0, at)), "--root", place.root, ...rest], runOptions);
  };
  return {
    root: place.root,
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
    remove: () => {
      place.remove();
    },
  };
}
