import { randomBytes } from "node:crypto";
import { systemClock } from "../support/clock";
import type { Host } from "../support/host";
import { createRedactor } from "../support/redact";
import { runProcess } from "../support/processes/run-process";
import {
  onBranch,
  parseLayout,
  parseMount,
  parseRepo,
  type LayoutEntry,
  type RequestedMount,
} from "../mesa/mounts";
import { Failure, wrongUsage } from "../support/errors";
import { openSession, type OpenSandbox, type Session, type SessionOptions } from "./session";

export interface MesaSandboxOptions extends SessionOptions {
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
  /** Cancels work in progress: stops a running command, and `run` rejects. The clean-up still runs. */
  readonly signal?: AbortSignal;
  /** Source of credentials (BL_API_KEY, BL_WORKSPACE, MESA_API_KEY or MESA_PRIVATE_KEY). Default: process.env. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface MesaRunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Receives the command's output, byte for byte, as it is produced. If it throws, the command is interrupted and `run` rejects with that. */
  readonly onOutput?: (stream: "stdout" | "stderr", data: Uint8Array) => void;
}

export interface MesaRunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A sandbox with proven mounts of Mesa repositories. `await using` closes it at the end of the block. */
export interface MesaSandbox extends OpenSandbox, AsyncDisposable {
  /**
   * Runs a command in the first repository. After some idle seconds, first proves the mount, and mounts again if it broke.
   * @throws Failure CREDENTIAL_ENDING if it was stopped because the credential was about to expire (its writes are flushed); other Failures
   * if the sandbox died or the mount broke meanwhile (writes may be lost, whatever the exit code); the signal's reason after an abort
   */
  run(argv: readonly string[], options?: MesaRunOptions): Promise<MesaRunResult>;
}

function hostOf(options: MesaSandboxOptions): Host {
  const env = options.env ?? process.env;
  return {
    env,
    clock: systemClock,
    fetch: globalThis.fetch,
    run: runProcess,
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
  session: Session,
  argv: readonly string[],
  { env = {}, onOutput }: MesaRunOptions,
): Promise<MesaRunResult> {
  if (argv.length === 0)
    throw wrongUsage("Which command?", 'run takes a program and its arguments: ["ls", "-l"].');
  const chunks = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const failed = new AbortController();
  const command = {
    argv,
    env,
    onOutput: (stream: "stdout" | "stderr", data: Uint8Array) => {
      chunks[stream].push(data);
      try {
        onOutput?.(stream, data);
      } catch (error) {
        failed.abort(error);
      }
    },
  };
  const { exitCode, broken } = await session.run(command, failed.signal);
  failed.signal.throwIfAborted();
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
  const request = { ...options, mounts: requestedMounts(options), renews: true };
  const session = await openSession(hostOf(options), request);
  return {
    ...session,
    get credentialEndsAt() {
      return session.credentialEndsAt;
    },
    run: (argv, runOptions = {}) => runIn(session, argv, runOptions),
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
