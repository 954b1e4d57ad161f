import pLimit from "p-limit";
import type { ContainerRequest, EndedContainer, Engine, PathChange } from "../../docker/index";
import type { Host } from "../../support/host";
import { batchRan, commandBatch, newBorder, type Invocation, type Ran } from "./command-batch";

/** A program to run, and what has to happen before it in containers of their own. */
export interface CommandRun extends Invocation {
  readonly setup: readonly Invocation[];
}

/** How containers of the image are made: everything but what runs in them. */
export interface Stage {
  readonly host: Host;
  readonly engine: Engine;
  readonly image: string;
  /** Paths the image declares as volumes. */
  readonly volumes: readonly string[];
  readonly base: Omit<ContainerRequest, "image" | "entrypoint" | "cmd">;
}

/** Containers running at the same time. */
const AT_ONCE = 2;

/** Words that let a program see more than the image: processes, devices, the environment of the shell that would run it. */
const LOOKS_AROUND =
  /\/proc|\/dev|\/sys|\b(ps|pgrep|pidof|pkill|top|env|printenv|set|export|hostname|ulimit|PWD|SHLVL|PPID)\b/u;

/** Words of programs that write. Only a guess at who should not share with the others: what has changed is asked of the engine. */
const MAY_WRITE =
  />(?!&|\s*\/dev\/null)|\b(touch|mkdir|rm|rmdir|cp|mv|ln|tee|install|chmod|chown|truncate|dd|mktemp|apk|apt|apt-get|dpkg)\b/u;

function canShare(run: CommandRun): boolean {
  return (
    run.setup.length === 0 &&
    run.argv.every((word) => !LOOKS_AROUND.test(word) && !word.includes("\0")) &&
    run.env.every(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/u.test(name))
  );
}

/**
 * Runs programs so that each finds the image as it was built, in as few containers as that takes: those that leave everything as
 * it was share one; what writes, and what came with it, is run again in smaller groups, in the end alone. The results are
 * those of a container for each, whatever the order.
 */
export async function runCommands(stage: Stage, runs: readonly CommandRun[]): Promise<readonly Ran[]> {
  const results = new Map<CommandRun, Ran>();
  const limit = pLimit(AT_ONCE);
  const alone = (list: readonly CommandRun[]): Promise<unknown> =>
    Promise.all(list.map((run) => limit(async () => results.set(run, await runAlone(stage, run)))));
  if ((stage.base.binds ?? []).length > 0) {
    // What is written there stays: as container-structure-test has it, one after the other, each for those behind it to find.
    for (const run of runs) await alone([run]);
    return runs.map((run) => results.get(run) ?? UNRUN);
  }
  const shared = runs.filter(canShare);
  const group = async (list: readonly CommandRun[]): Promise<void> => {
    if (list.length < 2) {
      await alone(list);
      return;
    }
    const outcome = await limit(() => runTogether(stage, list));
    for (const [run, ran] of outcome.good) results.set(run, ran);
    const middle = Math.ceil(outcome.again.length / 2);
    if (outcome.again.length === list.length)
      await Promise.all([group(list.slice(0, middle)), group(list.slice(middle))]);
    else await group(outcome.again);
    await alone(outcome.alone);
  };
  const mayWrite = (run: CommandRun): boolean => run.argv.some((word) => MAY_WRITE.test(word));
  await Promise.all([
    group(shared.filter((run) => !mayWrite(run))),
    group(shared.filter(mayWrite)),
    alone(runs.filter((run) => !shared.includes(run))),
  ]);
  return runs.map((run) => results.get(run) ?? UNRUN);
}

function notStarted(why: string): Ran {
  return { exitCode: -1, stdout: "", stderr: "", timedOut: false, durationMs: 0, cannotStart: why };
}

const UNRUN = notStarted("it was not run");

interface Together {
  readonly good: readonly (readonly [CommandRun, Ran])[];
  /** To be run again with others: they did not find the image as built, or cannot be told from those that changed it. */
  readonly again: readonly CommandRun[];
  /** To be run by themselves. */
  readonly alone: readonly CommandRun[];
}

async function runTogether(stage: Stage, runs: readonly CommandRun[]): Promise<Together> {
  const border = newBorder();
  const timeoutMs = runs.reduce((sum, run) => sum + run.timeoutMs + 1000, 5000);
  const { ended, changed } = await inContainer(
    stage,
    stage.image,
    ["sh", "-c", commandBatch(runs, border, stage.volumes)],
    [],
    timeoutMs,
    async (container) => ({
      ended: container,
      changed: await hasChanged(stage, container.id),
    }),
  );
  const results = batchRan(ended.stdout, ended.stderr, border, runs);
  if (ended.startError !== undefined || results.every((result) => result === undefined))
    return { good: [], again: [], alone: runs };
  if (changed) return { good: [], again: runs, alone: [] };
  const firstStray = results.findIndex((result) => result?.strays !== false);
  const clean = firstStray === -1 ? runs.length : firstStray;
  const good: [CommandRun, Ran][] = [];
  const alone: CommandRun[] = [];
  for (const [index, run] of runs.slice(0, clean).entries()) {
    const result = results[index];
    // 126 and 127 are also what timeout says of a program that cannot be started: only the engine can tell.
    if (result === undefined || result.exitCode === 126 || result.exitCode === 127) alone.push(run);
    else good.push([run, result]);
  }
  const stray = runs[clean];
  return { good, alone: stray === undefined ? alone : [...alone, stray], again: runs.slice(clean + 1) };
}

/** What an engine itself adds when a container starts (Podman does) is the same in every container. */
const baselines = new WeakMap<Stage, Promise<ReadonlySet<string>>>();

async function hasChanged(stage: Stage, id: string): Promise<boolean> {
  const changes = await stage.engine.changes(id);
  if (changes.length === 0) return false;
  const known =
    baselines.get(stage) ??
    inContainer(
      stage,
      stage.image,
      ["sh", "-c", ":"],
      [],
      10_000,
      async (container) => new Set((await stage.engine.changes(container.id)).map(changeText)),
    );
  baselines.set(stage, known);
  const own = await known;
  return changes.some((change) => !own.has(changeText(change)));
}

function changeText({ kind, path }: PathChange): string {
  return `${kind} ${path}`;
}

async function runAlone(stage: Stage, run: CommandRun): Promise<Ran> {
  const made: string[] = [];
  try {
    let image = stage.image;
    for (const step of run.setup) {
      const after = await afterSetup(stage, image, step);
      if ("why" in after) return notStarted(after.why);
      image = after.image;
      made.push(image);
    }
    const begun = stage.host.clock.now();
    return await inContainer(stage, image, run.argv, run.env, run.timeoutMs, (container) =>
      Promise.resolve({
        exitCode: container.exitCode,
        stdout: container.stdout,
        stderr: container.stderr,
        timedOut: container.timedOut,
        durationMs: stage.host.clock.now() - begun,
        ...(container.startError === undefined ? {} : { cannotStart: container.startError }),
      }),
    );
  } finally {
    for (const image of made.reverse()) await stage.engine.removeImage(image);
  }
}

/** The image a setup command leaves, whatever its exit code; why there is none where it could not be started, or did not end. */
async function afterSetup(
  stage: Stage,
  image: string,
  { argv, env, timeoutMs }: Invocation,
): Promise<{ readonly image: string } | { readonly why: string }> {
  return inContainer(stage, image, argv, env, timeoutMs, async ({ id, startError, timedOut }) => {
    const what = `the setup command ${argv.join(" ")}`;
    if (startError !== undefined) return { why: `${what} could not be started: ${startError}` };
    if (timedOut) return { why: `${what} did not end within ${String(timeoutMs / 1000)} s` };
    return { image: await stage.engine.commit(id) };
  });
}

async function inContainer<T>(
  stage: Stage,
  image: string,
  argv: readonly string[],
  env: Invocation["env"],
  timeoutMs: number,
  look: (container: EndedContainer) => Promise<T>,
): Promise<T> {
  const [entrypoint = "", ...cmd] = argv;
  const container = await stage.engine.runToEnd(
    {
      ...stage.base,
      image,
      entrypoint: [entrypoint],
      cmd,
      // An image that a setup command left holds the variables it was run with.
      env: [
        ...(image === stage.image ? (stage.base.env ?? []) : []),
        ...env.map(([name, value]) => `${name}=${value}`),
      ],
    },
    { timeoutMs, signal: stage.host.signal },
  );
  try {
    return await look(container);
  } finally {
    await stage.engine.removeContainer(container.id);
  }
}
