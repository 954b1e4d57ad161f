import { randomBytes } from "node:crypto";
import type { SandboxInstance } from "@blaxel/core";
import { systemClock } from "../support/clock";
import type { Host } from "../support/host";
import { createRedactor } from "../support/redact";
import type { RunProcess } from "../support/process";
import type { SessionEvent } from "./events";
import {
  onBranch,
  parseLayout,
  parseMount,
  parseRepo,
  type LayoutEntry,
  type MountWish,
} from "../mesa/mounts";
import { Failure } from "../support/errors";
import type { Branch } from "./repos";
import { openSession, type Session } from "./session";

export interface MesaSandboxOptions {
  /** sandbox/NAME:TAG, as resolveTemplate gives it. */
  readonly image: string;
  /** Mesa version in the image; decides how it is mounted. */
  readonly mesaVersion: string;
  /** "org/repo"; the first one is where commands run. */
  readonly repos?: readonly string[];
  /** In place of `repos`: REPO[:PATH][:ro|rw][@BOOKMARK] each, as `--mount` takes them. */
  readonly mounts?: readonly string[];
  /** In place of `repos` and `write`: entries by path, as Mesa's SDK writes a layout. */
  readonly layout?: Readonly<Record<string, LayoutEntry>>;
  /** Default: true when there is a branch, else false. */
  readonly write?: boolean;
  /** The bookmark on which each repository that is written to gets a change of its own; it must not exist yet (Mesa 0.44 and newer). */
  readonly branch?: string;
  /** The bookmark that it is made from. Default: main. */
  readonly from?: string;
  readonly createRepos?: boolean;
  /** How long a credential holds, in seconds; a new one is made before one ends. Default: an hour. */
  readonly ttlSeconds?: number;
  /** Default: 4096. */
  readonly memoryMegabytes?: number;
  readonly region?: string;
  /** Who mounts and runs the commands, other than root; made when the image lacks it. Default: the image's own user. */
  readonly user?: string;
  /** How long creating the sandbox may take, in ms. Default: three minutes. */
  readonly createLimitMs?: number;
  /** Ends what is under way: a running command is stopped and `run` rejects; everything is cleaned up all the same. */
  readonly signal?: AbortSignal;
  /** What happens, as it happens; never holds a credential. */
  readonly onEvent?: (event: SessionEvent) => void;
  /** Where credentials come from (BL_API_KEY, BL_WORKSPACE, MESA_API_KEY or MESA_PRIVATE_KEY). Default: process.env. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface MesaRunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Called with what the command says, byte for byte, as it comes. */
  readonly onOutput?: (stream: "stdout" | "stderr", data: Uint8Array) => void;
}

export interface MesaRunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A sandbox with Mesa repositories mounted and proven. `await using` closes it at the end of the block. */
export interface MesaSandbox extends AsyncDisposable {
  readonly name: string;
  /** Path of the first repository in the sandbox. */
  readonly path: string;
  /** Paths by "org/repo". */
  readonly paths: Readonly<Record<string, string>>;
  /** The bookmarks that were made for `branch`, which stay. */
  readonly branches: readonly Branch[];
  /** The end of the credential in use, ISO 8601. */
  readonly credentialEndsAt: string;
  /** The SDK's own object, for everything else. */
  readonly sandbox: SandboxInstance;
  /**
   * Runs a command in the first repository. Before it starts, the mount is proven when the sandbox was idle for some seconds, and
   * made again when it did not survive that.
   * @throws Failure CREDENTIAL_ENDING when it ran until the credential was about to end: it was ended, and what it wrote is flushed;
   * when the sandbox died, or the mount broke meanwhile (then what was written may be lost, whatever the
   * command's exit code says); the signal's reason after an abort
   */
  run(argv: readonly string[], options?: MesaRunOptions): Promise<MesaRunResult>;
  /**
   * Flushes the mount and makes it again with a new credential, once no command runs; commands that start meanwhile wait.
   * @throws Failure MOUNT_…, as openMesaSandbox does; the next command tries again
   */
  remount(): Promise<void>;
  /**
   * Takes the mount away, revokes the credential, deletes the sandbox. It never throws: what could not be cleaned up is
   * returned in words (and told as events). The second time it does nothing.
   */
  close(): Promise<readonly string[]>;
}

const runProcessLazily: RunProcess = async (request) => {
  const { runProcess } = await import("../support/run-process");
  return runProcess(request);
};

function hostOf(options: MesaSandboxOptions): Host {
  const env = options.env ?? process.env;
  return {
    env,
    clock: systemClock,
    fetch: globalThis.fetch,
    run: runProcessLazily,
    emit: () => undefined,
    redact: createRedactor(env),
    signal: options.signal ?? new AbortController().signal,
    runId: randomBytes(6).toString("hex"),
  };
}

/** What is to be mounted. @throws Failure MOUNT_OPTION, MESA_LAYOUT, REPO_NAME */
function wishesOf(options: MesaSandboxOptions): readonly MountWish[] {
  const { repos = [], mounts = [], layout, branch, from = "main" } = options;
  const write = options.write ?? (branch !== undefined && layout === undefined);
  const ways = [options.repos, options.mounts, layout].filter((one) => one !== undefined);
  if (ways.length > 1 || (layout !== undefined && write))
    throw new Failure({
      code: "MOUNT_OPTION",
      kind: "usage",
      message:
        ways.length > 1
          ? "repos, mounts and layout exclude each other."
          : "layout and write exclude each other.",
      hint: "Give one of them. A layout says of each repository whether it is mounted for writing.",
    });
  const wishes =
    layout === undefined
      ? [...repos.map((text) => parseRepo(text, write)), ...mounts.map((text) => parseMount(text, write))]
      : parseLayout(JSON.stringify(layout), "layout");
  return branch === undefined ? wishes : onBranch(wishes, branch, from);
}

async function runIn(
  host: Host,
  session: Session,
  argv: readonly string[],
  { env = {}, onOutput }: MesaRunOptions,
): Promise<MesaRunResult> {
  const chunks = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const { exitCode, broken } = await session.run(host, {
    argv,
    cwd: session.path,
    env,
    onOutput: (stream, data) => {
      chunks[stream].push(data);
      onOutput?.(stream, data);
    },
  });
  if (broken !== undefined) throw broken;
  const text = (parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString("utf8");
  return { exitCode, stdout: text(chunks.stdout), stderr: text(chunks.stderr) };
}

/**
 * Makes a sandbox from a template's image and mounts the repositories with a credential of their own, which it proves. Close
 * it with `await using` or `close()`.
 * @throws Failure naming which of Blaxel, API, gRPC, FUSE and credential it was; nothing is left of it then
 * @example await using sandbox = await openMesaSandbox({ image, mesaVersion, repos: ["acme/demo"] });
 */
export async function openMesaSandbox(options: MesaSandboxOptions): Promise<MesaSandbox> {
  const host = hostOf(options);
  const session = await openSession(host, {
    image: options.image,
    mesaVersion: options.mesaVersion,
    mounts: wishesOf(options),
    createRepos: options.createRepos ?? false,
    ttlSeconds: options.ttlSeconds ?? 3600,
    renews: true,
    memoryMegabytes: options.memoryMegabytes ?? 4096,
    region: options.region,
    user: options.user,
    createLimitMs: options.createLimitMs,
    ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
  });
  let count = 0;
  return {
    name: session.name,
    path: session.path,
    paths: session.plan.paths,
    branches: session.branches,
    get credentialEndsAt() {
      return session.credentialEndsAt;
    },
    sandbox: session.sandbox,
    run(argv, runOptions = {}) {
      count += 1;
      return runIn({ ...host, runId: `${host.runId}-${String(count)}` }, session, argv, runOptions);
    },
    remount: () => session.remount(),
    close: () => session.close(),
    async [Symbol.asyncDispose]() {
      await session.close();
    },
  };
}

/**
 * The same around a function: opens, runs `use`, and closes, whatever happened.
 * @throws Failure naming which of Blaxel, API, gRPC, FUSE and credential it was; what `use` throws
 */
export async function withMesaSandbox<T>(
  options: MesaSandboxOptions,
  use: (sandbox: MesaSandbox) => Promise<T>,
): Promise<T> {
  const sandbox = await openMesaSandbox(options);
  try {
    return await use(sandbox);
  } finally {
    await sandbox.close();
  }
}
