import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { DEFAULT_PORTS, type WorldConfig } from "../../world/config";
import { connectEngine } from "../../world/engine";
import { ensureDebianImage } from "../../world/images/debian";
import { ensureToolchain } from "../../world/images/toolchain";
import { buildSandboxApi } from "../../world/sandbox-api/build";

/** Whether a real sandbox-api stands in the stand-in's place: then only what is known of every real one may be asked. */
export const IS_REAL = (process.env["WORLD_SANDBOX_API"] ?? "") !== "";

/** Why a test of the time-out is skipped with a real one. */
export const NEWER_KILLS = "newer ones kill a process at its time-out, 0.2.50 only ends the wait";

/** A sandbox-api that runs on this host, on a port of its own. */
export interface RunningApi {
  /** Its address, without a trailing slash. */
  readonly base: string;
  /** Its WORKDIR and working directory; removed at the end. */
  readonly work: string;
  readonly logs: string;
  readonly child: ChildProcess;
  /** What it wrote to stderr so far. */
  readonly stderr: () => string;
  readonly end: () => Promise<void>;
}

/** The binary to test: WORLD_SANDBOX_API, or the stand-in compiled from its sources. */
export async function sandboxApiBinary(): Promise<string> {
  const real = IS_REAL ? process.env["WORLD_SANDBOX_API"] : undefined;
  const config: WorldConfig = {
    dir: resolve(".test-work/world"),
    source: resolve(import.meta.dirname, "../../world"),
    gateway: "127.0.0.1",
    ports: DEFAULT_PORTS,
    swaps: real === undefined ? {} : { sandboxApi: real },
  };
  if (real !== undefined) return real;
  const docker = connectEngine();
  const log = (): void => undefined;
  const toolchain = await ensureToolchain(docker, await ensureDebianImage(docker, config, log), log);
  return buildSandboxApi(docker, toolchain, config, log);
}

/** A port nobody listens on right now. */
export async function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        done(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  });
}

/**
 * Starts the binary in a folder of its own and waits until it answers.
 * @param env added to PATH, HOME, WORKDIR and the places of its logs and state; `undefined` takes one away
 * @param prepare puts files into the folder before the start
 */
export async function startSandboxApi(
  binary: string,
  env: Readonly<Record<string, string | undefined>> = {},
  prepare: (work: string) => void = () => undefined,
): Promise<RunningApi> {
  const work = mkdtempSync(join(tmpdir(), "sandbox-api-test-"));
  const logs = join(work, "logs");
  prepare(work);
  const port = await freePort();
  const child = spawn(binary, ["-port", String(port)], {
    cwd: work,
    env: {
      PATH: process.env["PATH"],
      HOME: work,
      SANDBOX_LOG_DIR: logs,
      SANDBOX_STATE_FILE: join(work, "state.json"),
      TELEMETRY_ENABLED: "false",
      WORKDIR: work,
      ...env,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let written = "";
  child.stderr.on("data", (chunk: Buffer) => (written += chunk.toString("utf8")));
  const base = `http://127.0.0.1:${String(port)}`;
  const deadline = Date.now() + 10_000;
  while (!(await answers(base))) {
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`sandbox-api did not start (exit ${String(child.exitCode)}):\n${written}`);
    await pause(30);
  }
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill();
      await new Promise((done) => child.once("exit", done));
    }
    rmSync(work, { recursive: true, force: true });
  };
  return { base, work, logs, child, stderr: () => written, end };
}

async function answers(base: string): Promise<boolean> {
  return fetch(`${base}/health`).then(
    (answer) => answer.ok,
    () => false,
  );
}
