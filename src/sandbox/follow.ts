import type { SandboxInstance } from "@blaxel/core";
import { blaxelCore } from "../blaxel/core";
import { sandboxHeaders } from "../blaxel/credentials-headers";
import { saying } from "../blaxel/sandboxes";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { quoted } from "../support/quoted";

const POLL_MS = 250;
/** The sandbox may be out of reach this long (standby, gateway errors) before the run is given up, in ms. */
const PATIENCE_MS = 60_000;

/** After this long without an answer the platform is asked whether the sandbox is there at all, in ms. */
const ASK_AFTER_MS = 2_000;

export interface CommandRun {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly onOutput: (stream: "stdout" | "stderr", data: Uint8Array) => void;
}

function died(sandbox: SandboxInstance, what: string, cause: unknown): Failure {
  return new Failure({
    code: "SANDBOX_DIED",
    kind: "deploy",
    message: `The sandbox ${sandbox.metadata.name} ${what}: ${saying(cause)}`,
    hint: "It may have run out of memory or been deleted; see bl logs. What was closed before has reached Mesa.",
    cause,
  });
}

/** Whether the platform says that there is no such sandbox (any more). */
async function isGone(host: Host, sandbox: SandboxInstance): Promise<boolean> {
  const { SandboxInstance: Instance } = await blaxelCore(host);
  return Instance.get(sandbox.metadata.name).then(
    ({ status }) => status === "TERMINATED" || status === "DELETING" || status === "FAILED",
    (error: unknown) => /\b404\b|not found/iu.test(saying(error)),
  );
}

/** Reads what was added to a file of the sandbox since the last look. */
function follower(
  host: Host,
  base: string,
  headers: Readonly<Record<string, string>>,
  path: string,
): () => Promise<Uint8Array> {
  let offset = 0;
  return async () => {
    const response = await host.fetch(`${base}/filesystem/${encodeURIComponent(path)}?download=true`, {
      headers: { ...headers, Accept: "application/octet-stream", Range: `bytes=${String(offset)}-` },
      signal: AbortSignal.timeout(30_000),
    });
    if (response.status === 416 || response.status === 404) {
      await response.body?.cancel();
      return new Uint8Array();
    }
    if (!response.ok) throw new Error(`HTTP ${String(response.status)}`);
    const data = new Uint8Array(await response.arrayBuffer());
    // A server that does not know ranges sends the whole file with 200.
    const fresh = response.status === 206 ? data : data.subarray(Math.min(offset, data.length));
    offset += fresh.length;
    return fresh;
  };
}

/**
 * Runs a command in the background and follows its two outputs byte for byte until it ends; longer than any single request
 * may take. An abort stops it.
 * @returns its exit code
 * @throws Failure SANDBOX_DIED (exit 7)
 */
export async function runAndFollow(host: Host, sandbox: SandboxInstance, run: CommandRun): Promise<number> {
  const folder = `/tmp/mesa-run-${host.runId}`;
  const name = `run-${host.runId}`;
  const command = `mkdir -p ${folder} && : > ${folder}/out && : > ${folder}/err && cd ${quoted(run.cwd)} && exec ${run.argv.map(quoted).join(" ")} > ${folder}/out 2> ${folder}/err`;
  try {
    await sandbox.process.exec({ name, command, env: { ...run.env }, waitForCompletion: false });
  } catch (error) {
    throw died(sandbox, "does not take the command", error);
  }
  const base = (sandbox.metadata.url ?? "").replace(/\/$/u, "");
  const headers = await sandboxHeaders(host);
  const [out, err] = [
    follower(host, base, headers, `${folder}/out`),
    follower(host, base, headers, `${folder}/err`),
  ];
  const drain = async (): Promise<void> => {
    const [stdout, stderr] = await Promise.all([out(), err()]);
    if (stdout.length > 0) run.onOutput("stdout", stdout);
    if (stderr.length > 0) run.onOutput("stderr", stderr);
  };
  let lastAnswer = host.clock.now();
  const stop = (): void => {
    sandbox.process.stop(name).catch(() => undefined);
  };
  host.signal.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      host.signal.throwIfAborted();
      try {
        const state = await sandbox.process.get(name);
        await drain();
        lastAnswer = host.clock.now();
        if (state.status !== "running") {
          await drain();
          return state.exitCode;
        }
      } catch (error) {
        host.signal.throwIfAborted();
        const silent = host.clock.now() - lastAnswer;
        if (silent > PATIENCE_MS || (silent > ASK_AFTER_MS && (await isGone(host, sandbox))))
          throw died(sandbox, "stopped answering while the command ran", error);
      }
      await host.clock.sleep(POLL_MS, host.signal);
    }
  } finally {
    host.signal.removeEventListener("abort", stop);
  }
}
