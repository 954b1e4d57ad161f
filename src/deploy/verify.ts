import { createSandbox, deleteSandbox, saying } from "../blaxel/sandboxes";
import type { RenderedTemplate, TemplateSettings } from "../render/rendered";
import type { Subject } from "../smoke/check";
import type { SmokeReport } from "../smoke/report";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import type { Deployment } from "./deployment";
import { waitUntilAnswering } from "./healthy";
import { sandboxSubject } from "./sandbox-subject";

export interface VerifyOptions {
  /** Runs the checks that a sandbox can offer; the same definitions as in the local container. */
  readonly prove: (subject: Subject) => Promise<SmokeReport>;
  /** Ports that checks ask from outside, besides those the template declares. */
  readonly ports?: readonly number[];
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** Ports that Blaxel keeps for itself: they cannot be asked for. */
const RESERVED_PORTS = new Set([80, 443, 8080]);

/** The template's own ports, and those that are asked for besides. */
function portsOf(rendered: RenderedTemplate, asked: readonly number[]): TemplateSettings["sandbox"]["ports"] {
  const declared = rendered.settings.sandbox.ports;
  const more = [...new Set(asked)].filter(
    (port) => !RESERVED_PORTS.has(port) && !declared.some(({ target }) => target === port),
  );
  return [
    ...declared,
    ...more.map((port) => ({ name: `check-${String(port)}`, target: port, protocol: "http" as const })),
  ];
}

/**
 * Proves what was deployed: a sandbox of its own is made from the immutable image, checked, and always deleted.
 * @throws Failure VERIFY_SANDBOX, SANDBOX_UNHEALTHY (exit 7) when it does not come up; failing checks are in the report
 */
export async function verifyDeployment(
  host: Host,
  rendered: RenderedTemplate,
  deployment: Deployment,
  options: VerifyOptions,
): Promise<SmokeReport> {
  const name = `verify-${rendered.template}-${host.runId}`.slice(0, 49);
  const { memoryMegabytes, region } = rendered.settings.sandbox;
  options.onProgress?.(`sandbox ${name} from ${deployment.image}`);
  try {
    const sandbox = await createSandbox(host, {
      name,
      image: deployment.image,
      memoryMegabytes,
      ttl: "30m",
      region,
      ports: portsOf(rendered, options.ports ?? []),
    });
    host.signal.throwIfAborted();
    const subject = await sandboxSubject(host, sandbox);
    await waitUntilAnswering(host, name, subject.api.url, 60_000);
    return await options.prove(subject);
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
    await deleteSandbox(host, name).catch((error: unknown) => {
      host.emit({
        type: "warning",
        template: rendered.template,
        message: `the sandbox ${name} could not be deleted (${saying(error)}): bl delete sandbox ${name}`,
      });
    });
  }
}
