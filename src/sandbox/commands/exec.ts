import type { SandboxInstance } from "@blaxel/core";
import { reasonOf } from "../../blaxel/sandboxes";
import { Failure } from "../../support/errors";

export interface Executed {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs a short script in a sandbox (under the edge's limit of a minute) and waits for it. Only this process gets `env`. */
export async function execScript(
  sandbox: SandboxInstance,
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Executed> {
  try {
    const result = await sandbox.process.exec({ command: script, env: { ...env }, waitForCompletion: true });
    return { exitCode: result.exitCode, output: result.logs };
  } catch (error) {
    throw new Failure({
      code: "SANDBOX_DIED",
      kind: "deploy",
      message: `The sandbox ${sandbox.metadata.name} is not responding: ${reasonOf(error)}`,
      hint: "It may have run out of memory or been deleted; see bl logs sandbox NAME.",
      cause: error,
    });
  }
}
