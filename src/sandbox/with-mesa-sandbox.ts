import { randomBytes } from "node:crypto";
import type { SandboxInstance } from "@blaxel/core";
import { systemClock } from "../support/clock";
import type { Host } from "../support/host";
import { createRedactor } from "../support/redact";
import type { RunProcess } from "../support/process";
import { runAndFollow } from "./follow";
import { withSession, type Leftovers } from "./session";

export interface MesaSandboxOptions {
  /** sandbox/NAME:TAG, as resolveTemplate gives it. */
  readonly image: string;
  /** Mesa version in the image; decides how it is mounted. */
  readonly mesaVersion: string;
  /** "org/repo"; the first one is where commands run. */
  readonly repos: readonly string[];
  readonly write?: boolean;
  readonly createRepos?: boolean;
  /** How long the credential holds, in seconds. Default: an hour. */
  readonly ttlSeconds?: number;
  readonly memoryMegabytes?: number;
  readonly region?: string;
  readonly signal?: AbortSignal;
  /** What happens, in words for people; never holds a credential. */
  readonly onEvent?: (message: string) => void;
  /** Where credentials come from (BL_API_KEY, BL_WORKSPACE, MESA_API_KEY …). Default: process.env. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A sandbox with Mesa repositories mounted and proven. */
export interface MesaSandbox {
  readonly name: string;
  /** Path of the first repository in the sandbox. */
  readonly path: string;
  /** Paths by "org/repo". */
  readonly paths: Readonly<Record<string, string>>;
  readonly credentialEndsAt: string;
  /** The SDK's own object, for everything else. */
  readonly sandbox: SandboxInstance;
  /** Runs a command in the first repository, however long it takes. */
  run(
    argv: readonly string[],
    options?: {
      readonly env?: Readonly<Record<string, string>>;
      readonly onOutput?: (stream: "stdout" | "stderr", data: Uint8Array) => void;
    },
  ): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>;
}

const runProcessLazily: RunProcess = async (request) => {
  const { runProcess } = await import("../support/run-process");
  return runProcess(request);
};

/**
 * Makes a sandbox, mounts the repositories with a credential of their own, runs `use`, and afterwards, whatever happened, takes the
 * mount away, revokes the credential and deletes the sandbox.
 * @throws Failure naming which of API, gRPC, FUSE and credential it was; what `use` throws
 */
export async function withMesaSandbox<T>(
  options: MesaSandboxOptions,
  use: (sandbox: MesaSandbox) => Promise<T>,
): Promise<T> {
  const env = options.env ?? process.env;
  const onEvent = options.onEvent ?? ((): void => undefined);
  const host: Host = {
    env,
    clock: systemClock,
    fetch: globalThis.fetch,
    run: runProcessLazily,
    emit: (event) => {
      if (event.type === "note" || event.type === "warning") onEvent(event.message);
    },
    redact: createRedactor(env),
    signal: options.signal ?? new AbortController().signal,
    runId: randomBytes(6).toString("hex"),
  };
  return withSession(
    host,
    {
      image: options.image,
      mesaVersion: options.mesaVersion,
      repos: options.repos,
      write: options.write ?? false,
      createRepos: options.createRepos ?? false,
      ttlSeconds: options.ttlSeconds ?? 3600,
      memoryMegabytes: options.memoryMegabytes ?? 4096,
      region: options.region,
      env: {},
      onProgress: onEvent,
    },
    false,
    (session) => {
      let count = 0;
      return use({
        name: session.name,
        path: session.path,
        paths: session.plan.paths,
        credentialEndsAt: session.credentialEndsAt,
        sandbox: session.sandbox,
        async run(argv, runOptions = {}) {
          count += 1;
          const chunks = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
          const exitCode = await runAndFollow(
            { ...host, runId: `${host.runId}-${String(count)}` },
            session.sandbox,
            {
              argv,
              cwd: session.path,
              env: runOptions.env ?? {},
              onOutput: (stream, data) => {
                chunks[stream].push(data);
                runOptions.onOutput?.(stream, data);
              },
            },
          );
          const text = (parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString("utf8");
          return { exitCode, stdout: text(chunks.stdout), stderr: text(chunks.stderr) };
        },
      });
    },
    (leftovers: Leftovers) => {
      for (const leftover of leftovers) onEvent(leftover);
    },
  );
}
