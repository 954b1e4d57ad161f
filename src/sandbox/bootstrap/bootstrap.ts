import type { SandboxInstance } from "@blaxel/core";
import { blaxelCore } from "../../blaxel/core";
import { reasonOf } from "../../blaxel/sandboxes";
import type { Lock } from "../../lock/lock";
import { Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import { outputLines } from "../../support/text/output-lines";
import { bootstrapHint, bootstrapSteps } from "./steps";
import { execScript } from "../commands/exec";
import { runAndFollow } from "../commands/follow";

/** Runs a script of any length. @returns its exit code and all its output */
async function runScript(
  host: Host,
  sandbox: SandboxInstance,
  script: string,
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const chunks: Uint8Array[] = [];
  const exitCode = await runAndFollow(host, sandbox, {
    argv: ["sh", "-c", script],
    cwd: "/",
    env: {},
    onOutput: (_stream, data) => {
      chunks.push(data);
    },
  });
  return { exitCode, output: Buffer.concat(chunks).toString("utf8") };
}

/**
 * Installs Mesa in a sandbox step by step. Repeated runs do nothing.
 * @param onStep called for each step, with whether it was done now or before
 * @throws Failure BOOTSTRAP_FAILED (exit 7) naming the step, with its output
 */
export async function bootstrap(
  host: Host,
  sandbox: SandboxInstance,
  lock: Pick<Lock, "mesaVersion" | "deb">,
  packagesMirror: string | undefined,
  onStep: (name: string, outcome: "done" | "already") => void,
): Promise<void> {
  for (const [index, step] of bootstrapSteps(lock, packagesMirror).entries()) {
    host.signal.throwIfAborted();
    if ((await execScript(sandbox, step.done)).exitCode === 0) {
      onStep(step.name, "already");
      continue;
    }
    const named = { ...host, runId: `${host.runId}-step-${String(index)}` };
    const result = await runScript(named, sandbox, step.script);
    if (result.exitCode !== 0) {
      throw new Failure({
        code: "BOOTSTRAP_FAILED",
        kind: "deploy",
        message: `Mesa could not be installed in ${sandbox.metadata.name}: the step "${step.name}" exited with ${String(result.exitCode)}.`,
        log: outputLines(result.output, 15),
        hint: bootstrapHint(result.output),
      });
    }
    onStep(step.name, "done");
  }
}

/** A running sandbox. @throws Failure SANDBOX_NOT_FOUND (exit 2) */
export async function runningSandbox(host: Host, name: string): Promise<SandboxInstance> {
  const { SandboxInstance } = await blaxelCore(host);
  return SandboxInstance.get(name).catch((error: unknown) => {
    throw new Failure({
      code: "SANDBOX_NOT_FOUND",
      kind: "usage",
      message: `There is no sandbox ${name}: ${reasonOf(error)}`,
      hint: "List the sandboxes: bl get sandboxes.",
      cause: error,
    });
  });
}
