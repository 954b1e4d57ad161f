import type { SandboxInstance } from "@blaxel/core";
import { reasonOf } from "../../blaxel/sandboxes";
import { Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import { within } from "../../support/processes/within";

/** Limit of a script's answer, in ms: longer than the edge's. @blaxel/core has none of its own. */
const ANSWER_LIMIT_MS = 65_000;

/**
 * Runs a short script in a sandbox (under the edge's limit of a minute) and waits for it. Only this process gets `env`.
 * @throws Failure SANDBOX_DIED (exit 7); the signal's reason when aborted, while the script runs on
 */
export async function execScript(
  { clock, signal }: Pick<Host, "clock" | "signal">,
  sandbox: SandboxInstance,
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly exitCode: number; readonly output: string }> {
  try {
    const answer = sandbox.process.exec({ command: script, env: { ...env }, waitForCompletion: true });
    const result = await within(clock, answer, ANSWER_LIMIT_MS, signal);
    return { exitCode: result.exitCode, output: result.logs };
  } catch (error) {
    signal.throwIfAborted();
    throw new Failure({
      code: "SANDBOX_DIED",
      kind: "deploy",
      message: `The sandbox ${sandbox.metadata.name} is not responding: ${reasonOf(error)}`,
      hint: "It may have run out of memory or been deleted; see bl logs sandbox NAME.",
      cause: error,
    });
  }
}
