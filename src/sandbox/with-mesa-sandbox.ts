import { randomBytes } from "node:crypto";
import type { SandboxInstance } from "@blaxel/core";
import { systemClock } from "../support/clock";
import type { Host } from "../support/host";
import { createRedactor } from "../support/redact";
import type { RunProcess } from "../support/processes/process";
import type { SessionEvent } from "./events";
import {
  onBranch,
  parseLayout,
  parseMount,
  parseRepo,
  type LayoutEntry,
  type RequestedMount,
} from "../mesa/mounts";
import { Failure } from "../support/errors";
import type { Branch } from "./repos";
import { openSession, type Session } from "./session";

export interface MesaSandboxOptions {
  /** sandbox/NAME:TAG, from resolveTemplate. */
  readonly image: string;
  /** Mesa version in the image; decides how to mount. */
  readonly mesaVersion: string;
  /** "org/repo"; commands run in the first one. */
  readonly repos?: readonly string[];
  /** Instead of `repos`: REPO[:PATH][:ro|rw][@BOOKMARK] each, as for `--mount`. */
  readonly mounts?: readonly string[];
  /** Instead of `repos` and `write`: entries by path, like a layout of Mesa's SDK. */
  readonly layout?: Readonly<Record<string, LayoutEntry>>;
  /** Default: true if `branch` is set, else false. */
  readonly write?: boolean;
  /** New bookmark to create in each writable repository; it must not exist yet (Mesa 0.44 and newer). */
  readonly branch?: string;
  /** The bookmark to create `branch` from. Default: main. */
  readonly from?: string;
  readonly createRepos?: boolean;
  /** Validity of a credential in seconds; a new one replaces it before it expires. Default: an hour. */
  readonly ttlSeconds?: number;
  /** Default: 4096. */
  readonly memoryMegabytes?: number;
  readonly region?: string;
  /** The user that mounts and runs commands, if not root; created if missing. Default: the image's own user. */
  readonly user?: string;
  /** Time limit for creating the sandbox, in ms. Default: three minutes. */
  readonly createLimitMs?: number;
  /** Cancels work in progress: stops a running command, and `run` rejects. The clean-up still runs. */
  readonly signal?: AbortSignal;
  /** Receives events as they happen; they never contain a credential. */
  readonly onEvent?: (event: SessionEvent) => void;
  /** Source of credentials (BL_API_KEY, BL_WORKSPACE, MESA_API_KEY or MESA_PRIVATE_KEY). Default: process.env. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface MesaRunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Receives the command's output, byte for byte, as it is produced. */
  readonly onOutput?: (stream: "stdout" | "stderr", data: Uint8Array) => void;
}

export interface MesaRunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A sandbox with proven mounts of Mesa repositories. `await using` closes it at the end of the block. */
export interface MesaSandbox extends AsyncDisposable {
  readonly name: string;
  /** Path of the first repository in the sandbox. */
  readonly path: string;
  /** Paths by "org/repo". */
  readonly paths: Readonly<Record<string, string>>;
  /** The bookmarks created for `branch`; they outlive the sandbox. */
  readonly branches: readonly Branch[];
  /** Expiry of the credential in use, ISO 8601. */
  readonly credentialEndsAt: string;
  /** The SDK's own object. */
  readonly sandbox: SandboxInstance;
  /**
   * Runs a command in the first repository. After some idle seconds, first proves the mount, and mounts again if it broke.
   * @throws Failure CREDENTIAL_ENDING if it was stopped because the credential was about to expire (its writes are flushed); other Failures
   * if the sandbox died or the mount broke meanwhile (writes may be lost, whatever the exit code); the signal's reason after an abort
   */
  run(argv: readonly string[], options?: MesaRunOptions): Promise<MesaRunResult>;
  /**
   * Flushes and mounts again with a new credential, once no command runs; commands that start meanwhile wait.
   * @throws Failure MOUNT_…, see openMesaSandbox; the next command retries
   */
  remount(): Promise<void>;
  /**
   * Unmounts, revokes the credential, deletes the sandbox. Never throws: returns a sentence for each thing that could not be cleaned up
   * (also sent as events). Repeated calls do nothing.
   */
  close(): Promise<readonly string[]>;
}

const runProcessLazily: RunProcess = async (request) => {
  const { runProcess } = await import("../support/processes/run-process");
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

/** The requested mounts. @throws Failure MOUNT_OPTION, MESA_LAYOUT, REPO_NAME */
function requestedMounts(options: MesaSandboxOptions): readonly RequestedMount[] {
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
      hint: "Use only one of them. A layout sets the mode of each repository.",
    });
  const requested =
    layout === undefined
      ? [...repos.map((text) => parseRepo(text, write)), ...mounts.map((text) => parseMount(text, write))]
      : parseLayout(JSON.stringify(layout), "layout");
  return branch === undefined ? requested : onBranch(requested, branch, from);
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
 * Creates a sandbox from a template's image, mounts the repositories with a separate credential, and proves the mount. Close it with `await
 * using` or `close()`.
 * @throws Failure naming which of Blaxel, API, gRPC, FUSE and credential failed; nothing is left behind
 * @example await using sandbox = await openMesaSandbox({ image, mesaVersion, repos: ["acme/demo"] });
 */
export async function openMesaSandbox(options: MesaSandboxOptions): Promise<MesaSandbox> {
  const host = hostOf(options);
  const session = await openSession(host, {
    image: options.image,
    mesaVersion: options.mesaVersion,
    mounts: requestedMounts(options),
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
 * Opens a sandbox, runs `use`, and always closes it.
 * @throws Failure naming which of Blaxel, API, gRPC, FUSE and credential failed; what `use` throws
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
