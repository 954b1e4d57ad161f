import { blaxelCore } from "../blaxel/core";
import type { RenderedTemplate } from "../render/rendered";
import type { Subject } from "../smoke/check";
import type { SmokeReport } from "../smoke/report";
import { Failure, messageOf } from "../support/errors";
import { RUN_LABEL, type Host } from "../support/host";
import type { Deployment } from "./deployment";
import { sandboxSubject } from "./sandbox-subject";

export interface VerifyOptions {
  /** Runs the checks that a sandbox can offer; the same definitions as in the local container. */
  readonly prove: (subject: Subject) => Promise<SmokeReport>;
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** Labels may hold only what Blaxel takes in a label's value. */
function labelValue(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/gu, "-").slice(0, 63);
}

/**
 * Proves what was deployed: a sandbox of its own is made from the immutable image, checked, and always deleted.
 * @throws Failure VERIFY_SANDBOX (exit 7) when it cannot be made; failing checks are in the report
 */
export async function verifyDeployment(host: Host, rendered: RenderedTemplate, deployment: Deployment, options: VerifyOptions): Promise<SmokeReport> {
  const { SandboxInstance } = await blaxelCore(host);
  const name = `verify-${rendered.template}-${host.runId}`.slice(0, 49);
  const { memoryMegabytes, ports, region } = rendered.settings.sandbox;
  options.onProgress?.(`sandbox ${name} from ${deployment.image}`);
  try {
    const sandbox = await SandboxInstance.create({
      name,
      image: deployment.image,
      memory: memoryMegabytes,
      ttl: "30m",
      labels: { [RUN_LABEL]: labelValue(host.runId) },
      ...(region === undefined ? {} : { region }),
      ...(ports.length === 0 ? {} : { ports: ports.map((port) => ({ name: port.name, target: port.target, protocol: port.protocol.toUpperCase() as "HTTP" })) }),
    });
    host.signal.throwIfAborted();
    return await options.prove(await sandboxSubject(host, sandbox));
  } catch (error) {
    host.signal.throwIfAborted();
    if (error instanceof Failure) throw error;
    throw new Failure({
      code: "VERIFY_SANDBOX",
      kind: "deploy",
      message: `No sandbox could be made from ${deployment.image}: ${saying(error)}`,
      hint: "The image was taken but does not start as a sandbox; see bl logs, and try mesa-template verify again.",
      cause: error,
    });
  } finally {
    await removeSandbox(host, name, (message) => {
      host.emit({ type: "warning", template: rendered.template, message });
    });
  }
}

/** @blaxel/core throws plain objects with code and error as well as Errors. */
export function saying(error: unknown): string {
  if (error instanceof Error) return error.message;
  if (typeof error === "object" && error !== null) {
    const { code, error: text, message } = error as { readonly code?: unknown; readonly error?: unknown; readonly message?: unknown };
    const words = [code, text ?? message].filter((part) => typeof part === "string" || typeof part === "number").join(" ");
    if (words !== "") return words;
    return JSON.stringify(error);
  }
  return messageOf(error);
}

async function removeSandbox(host: Host, name: string, warn: (message: string) => void): Promise<void> {
  const { SandboxInstance } = await blaxelCore(host);
  try {
    await SandboxInstance.delete(name);
  } catch (error) {
    if (/\b404\b|not found/iu.test(saying(error))) return;
    warn(`the sandbox ${name} could not be deleted (${saying(error)}): bl delete sandbox ${name}`);
  }
}
