import { waitForAnswer } from "../blaxel/answering";
import { findBl } from "../blaxel/bl-program";
import { blaxelCredentials } from "../blaxel/credentials";
import { platformThrough } from "../blaxel/platform";
import { withBlSession } from "../blaxel/run-bl";
import { refusal, refusalKind } from "../blaxel/refusals";
import { createSandbox, deleteSandbox, SANDBOX_LABEL, saying } from "../blaxel/sandboxes";
import type { RenderedTemplate, TemplateSettings } from "../render/rendered";
import type { Subject } from "../smoke/check";
import type { SmokeReport } from "../smoke/report";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { within } from "../support/within";
import type { Deployment } from "./deployment";
import { unhealthy } from "./healthy";
import { sandboxSubject } from "./sandbox-subject";

export interface VerifyOptions {
  /** Runs the checks that a sandbox can offer; the same definitions as in the local container. */
  readonly prove: (subject: Subject) => Promise<SmokeReport>;
  /** Ports that checks ask from outside, besides those the template declares. */
  readonly ports?: readonly number[];
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** A sandbox from an image that is there already is up within seconds; a platform that takes this long does not, in ms. */
const CREATE_MS = 180_000;
const ANSWER_MS = 60_000;
/** How long a creation that nobody waits for any more may take to come to its end before the sandbox is deleted, in ms. */
const SETTLE_MS = 10_000;
/** Longest name Blaxel takes. */
const LONGEST_NAME = 49;

/** verify-TEMPLATE-RUN, shortened where the template's name is long: the run is what makes it one of its own. */
function nameOf(template: string, runId: string): string {
  const room = LONGEST_NAME - "verify--".length - runId.length;
  return `verify-${template.slice(0, room).replace(/-+$/u, "")}-${runId}`;
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
  const name = nameOf(rendered.template, host.runId);
  const { memoryMegabytes, region } = rendered.settings.sandbox;
  options.onProgress?.(`sandbox ${name} from ${deployment.image}`);
  const created = createSandbox(host, {
    name,
    image: deployment.image,
    memoryMegabytes,
    ttl: "30m",
    labels: { [SANDBOX_LABEL]: "verify" },
    region,
    ports: portsOf(rendered, options.ports ?? []),
  });
  try {
    const sandbox = await within(host.clock, created, CREATE_MS, () => notCreated(name), host.signal);
    host.signal.throwIfAborted();
    const subject = await sandboxSubject(host, sandbox);
    const until = host.clock.now() + ANSWER_MS;
    const answer = await waitForAnswer(host, subject.api.url, { until, pollMs: 500 });
    if (!answer.answers)
      throw unhealthy(name, `its API does not answer (last: ${answer.seen})`, await logOf(host, name));
    return await options.prove(subject);
  } catch (error) {
    host.signal.throwIfAborted();
    if (error instanceof Failure) throw error;
    const words = saying(error);
    // Quota, rights and the network say nothing of the image.
    if (!["other", "not-found"].includes(refusalKind(words)))
      throw refusal(`No sandbox could be made from ${deployment.image}: ${words}`, words);
    throw new Failure({
      code: "VERIFY_SANDBOX",
      kind: "deploy",
      message: `No sandbox could be made from ${deployment.image}: ${words}`,
      hint: "The image was taken but does not start as a sandbox; see bl logs, and try mesa-template verify again.",
      cause: error,
    });
  } finally {
    // One that is being made while it is deleted would be there afterwards.
    await within(host.clock, created, SETTLE_MS, () => notCreated(name)).catch(() => undefined);
    await deleteSandbox(host, name).catch((error: unknown) => {
      host.emit({
        type: "warning",
        template: rendered.template,
        message: `the sandbox ${name} could not be deleted (${saying(error)}): bl delete sandbox ${name}`,
      });
    });
  }
}

/** The sandbox's log, where there is a bl to ask for it. */
async function logOf(host: Host, name: string): Promise<readonly string[]> {
  const bl = await findBl(host).catch(() => undefined);
  if (bl === undefined) return [];
  return withBlSession(host, await blaxelCredentials(host), (session) =>
    platformThrough(host, bl, session).logLines(name),
  );
}

function notCreated(name: string): Failure {
  return new Failure({
    code: "VERIFY_SANDBOX",
    kind: "deploy",
    message: `The sandbox ${name} was not created within ${String(CREATE_MS / 1000)} s.`,
    hint: "Try mesa-template verify again; should it come up late, mesa-template sandbox clean removes it.",
  });
}
