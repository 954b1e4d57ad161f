import type { SandboxInstance } from "@blaxel/core";
import { LONGEST_NAME, RESERVED_PORTS } from "../blaxel/blaxel-toml";
import { waitForAnswer } from "../blaxel/answering";
import { withBl } from "../blaxel/bl";
import { platformThrough } from "../blaxel/platform";
import { refusal, refusalKind } from "../blaxel/refusals";
import { SANDBOX_LABEL, reasonOf } from "../blaxel/sandboxes";
import { mesaFit } from "../mesa/access";
import { removeLeftInMesa } from "../mesa/leftovers";
import { loginToImport } from "../registry/logins";
import { temporarySandbox } from "../blaxel/temporary-sandbox";
import type { ProvenTemplate, TemplateSettings } from "../render/rendered";
import type { Subject } from "../smoke/check";
import type { SmokeReport } from "../smoke/report";
import { Failure, failureOf, unlessFailed } from "../support/errors";
import type { Host } from "../support/host";
import type { Deployment } from "./deployment";
import { sandboxSubject } from "./sandbox-subject";

export interface VerifyOptions {
  /** Runs the checks that are possible in a sandbox; the same definitions as in the local container. */
  readonly prove: (subject: Subject) => Promise<SmokeReport>;
  /** Ports that checks request from outside, besides the template's own. */
  readonly ports: readonly number[];
  /** Deletes the sandboxes of dead runs; tells whether there were any. */
  readonly removeLeftSandboxes: () => Promise<boolean>;
  readonly onProgress: (message: string) => void;
}

/** verify-TEMPLATE-RUN, shortened for long template names; the run id makes it unique. */
function nameOf(template: string, runId: string): string {
  const room = LONGEST_NAME - "verify--".length - runId.length;
  return `verify-${template.slice(0, room).replace(/-+$/u, "")}-${runId}`;
}

/** The template's own ports and the additionally requested ones. */
function portsOf(rendered: ProvenTemplate, asked: readonly number[]): TemplateSettings["sandbox"]["ports"] {
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
 * Proves a deployment: makes a separate sandbox from the immutable image, checks it, and always deletes it.
 * @throws Failure SANDBOX_CREATE, SANDBOX_CREATE_TIMEOUT, SANDBOX_UNHEALTHY, VERIFY_SANDBOX, BLAXEL_… (exit 7 or 3) if it does not start;
 * failed checks are in the report
 */
export async function verifyDeployment(
  host: Host,
  rendered: ProvenTemplate,
  deployment: Deployment,
  options: VerifyOptions,
): Promise<SmokeReport> {
  const name = nameOf(rendered.template, host.runId);
  const { access } = mesaFit(host.env, rendered.mesaVersion);
  const { memoryMegabytes, region } = rendered.settings.sandbox;
  options.onProgress(`sandbox ${name} from ${deployment.image}`);
  const temporary = temporarySandbox(
    host,
    {
      name,
      image: deployment.image,
      dockerConfig: await loginToImport(host, deployment.image),
      memoryMegabytes,
      ttl: "30m",
      labels: { [SANDBOX_LABEL]: "verify" },
      region,
      ports: portsOf(rendered, options.ports),
    },
    options
      .removeLeftSandboxes()
      .then((found) => (found && access ? removeLeftInMesa(host, access) : undefined)),
  );
  try {
    const sandbox = await temporary.ready();
    const report = await options.prove(await sandboxSubject(host, sandbox)).catch(async (error: unknown) => {
      await refuseUnreachable(host, sandbox);
      throw error;
    });
    if (report.failed > 0) await refuseUnreachable(host, sandbox);
    return report;
  } catch (error) {
    host.signal.throwIfAborted();
    throw await asVerification(host, deployment.image, name, error);
  } finally {
    await temporary.remove().catch((error: unknown) => {
      host.emit({
        type: "warning",
        template: rendered.template,
        message: `the sandbox ${name} could not be deleted (${reasonOf(error)}): bl delete sandbox ${name}`,
      });
    });
  }
}

/** Fails (exit 3 or 7) if Blaxel no longer lets requests through: what the checks found then says nothing about the image. */
async function refuseUnreachable(host: Host, { metadata }: SandboxInstance): Promise<void> {
  const last = await waitForAnswer(host, metadata.url ?? "", { until: host.clock.now(), pollMs: 0 });
  // 5xx is also what the edge answers when the image's API has died.
  if (last === undefined || last.startsWith("HTTP 5") || refusalKind(last) === "other") return;
  throw refusal(`Blaxel answers ${last} for the sandbox ${metadata.name}: its checks prove nothing.`, last);
}

/** The sandbox's log, if bl is available. */
async function logOf(host: Host, name: string): Promise<readonly string[] | undefined> {
  return unlessFailed(
    "BL_MISSING",
    withBl(host, (bl) => platformThrough(bl).logLines(name)),
  );
}

/** An error as it concerns the version: an image that does not start is the image's fault, a full disk here is not. */
async function asVerification(host: Host, image: string, name: string, error: unknown): Promise<unknown> {
  if (error instanceof Failure) {
    if (error.code !== "SANDBOX_NO_ANSWER") return error;
    return error.with({ code: "SANDBOX_UNHEALTHY", log: await logOf(host, name) });
  }
  const failure = failureOf(error);
  if (failure !== undefined) return failure;
  return new Failure({
    code: "VERIFY_SANDBOX",
    kind: "deploy",
    message: `The sandbox ${name} from ${image} could not be checked: ${reasonOf(error)}`,
    hint: `Read its log (bl logs sandbox ${name}), and try mesa-template verify again.`,
    cause: error,
  });
}
