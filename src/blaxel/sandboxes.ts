import type { SandboxInstance } from "@blaxel/core";
import { isOfDead, markText, thisProcess } from "../support/processes/alive";
import { Failure, messageOf } from "../support/errors";
import { PROCESS_LABEL, RUN_LABEL, type Host } from "../support/host";
import { within } from "../support/processes/within";
import { blaxelCore } from "./core";
import { isPassing } from "./refusals";

/** Label of every temporary sandbox, which identifies leftovers of earlier runs. Its value is the purpose. */
export const SANDBOX_LABEL = "mesa-template.sandbox";

export interface SandboxRequest {
  readonly name: string;
  /** sandbox/NAME:TAG, an image of Blaxel's own, or one of a registry. */
  readonly image: string;
  /** Docker config.json with the login to the image's registry. */
  readonly dockerConfig?: string | undefined;
  readonly memoryMegabytes: number;
  /** Blaxel deletes the sandbox after this time, e.g. "30m", even if this program crashed. */
  readonly ttl: string;
  /** Whether it outlives this process: without the process's mark, no later run takes it for a leftover. */
  readonly keep?: boolean | undefined;
  /** Count the time from the last request, not from its creation: the sandbox lives as long as it is used. */
  readonly whileUsed?: boolean;
  readonly region?: string | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly name: string; readonly target: number; readonly protocol: string }[];
}

/** A label value allows only letters, digits, dot, hyphen and underscore. */
export function labelValue(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/gu, "-").slice(0, 63);
}

const RETRIES = 3;

/**
 * Creates a sandbox with this run's label. After a gateway timeout (502, 504) it is requested again under the same name, because the
 * platform may still be creating it.
 */
export async function createSandbox(host: Host, request: SandboxRequest): Promise<SandboxInstance> {
  const { SandboxInstance: Instance } = await blaxelCore(host);
  const configuration = configurationOf(host, request);
  for (let attempt = 0; ; attempt += 1) {
    try {
      const made =
        attempt === 0
          ? await Instance.create(configuration)
          : await Instance.createIfNotExists(configuration);
      // A gateway's page in place of JSON, with status 200.
      if ((made.metadata as unknown) === undefined) throw new Error("bad gateway: the answer is no sandbox");
      return made;
    } catch (error) {
      if (attempt >= RETRIES || host.signal.aborted || !isPassing(reasonOf(error))) throw error;
      await host.clock.sleep(1_000 * 2 ** attempt, host.signal);
    }
  }
}

function configurationOf(
  host: Host,
  request: SandboxRequest,
): Parameters<typeof SandboxInstance.createIfNotExists>[0] {
  return {
    metadata: {
      name: request.name,
      labels: {
        [RUN_LABEL]: labelValue(host.runId),
        ...(request.keep === true ? {} : { [PROCESS_LABEL]: markText(thisProcess()) }),
        ...request.labels,
      },
    },
    spec: {
      ...(request.whileUsed === true
        ? { lifecycle: { expirationPolicies: [{ type: "ttl-idle", value: request.ttl, action: "delete" }] } }
        : {}),
      region: request.region,
      runtime: {
        image: request.image,
        dockerConfig: request.dockerConfig,
        memory: request.memoryMegabytes,
        generation: "mk3",
        ...(request.whileUsed === true ? {} : { ttl: request.ttl }),
        envs: [],
        ports: (request.ports ?? []).map((port) => ({ ...port, protocol: port.protocol.toUpperCase() })),
      },
    },
  } as Parameters<typeof SandboxInstance.createIfNotExists>[0];
}

/** Deletes a sandbox; one that no longer exists is fine. */
export async function deleteSandbox(host: Host, name: string): Promise<void> {
  const { SandboxInstance: Instance } = await blaxelCore(host);
  try {
    await Instance.delete(name);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Whether Blaxel answered that there is no such sandbox. */
export function isMissing(error: unknown): boolean {
  return /\b404\b|not found/iu.test(reasonOf(error));
}

/** The temporary sandboxes of all runs in the workspace. */
export async function listTemporary(host: Host) {
  const { SandboxInstance: Instance } = await blaxelCore(host);
  const found: { name: string; labels: Record<string, string> }[] = [];
  const page = await Instance.list();
  await page.autoPagingEach(({ metadata: { name, labels } }) => {
    if (labels?.[SANDBOX_LABEL] !== undefined) found.push({ name, labels });
  });
  return found;
}

/** Time limit for finding and deleting leftovers of dead runs, in ms. */
const REMOVAL_LIMIT_MS = 10_000;

/**
 * Deletes the temporary sandboxes of this machine's dead processes (kill -9, a power cut), by the mark in their label. Those of live
 * processes and of other machines stay. A failure is only a warning: the next run tries again.
 * @returns whether there were any: such a run may have left something outside Blaxel too
 */
export async function removeLeftSandboxes(host: Host): Promise<boolean> {
  const work = async (): Promise<boolean> => {
    const found = await listTemporary(host);
    const dead = found.filter(({ labels }) => isOfDead(labels[PROCESS_LABEL] ?? ""));
    await Promise.all(dead.map(({ name }) => deleteSandbox(host, name)));
    return dead.length > 0;
  };
  try {
    const late = (): Error => new Error(`Blaxel did not respond within ${String(REMOVAL_LIMIT_MS / 1000)} s`);
    return await within(host.clock, work(), REMOVAL_LIMIT_MS, host.signal, late);
  } catch (error) {
    // Without a login, the command itself says so.
    if (host.signal.aborted || error instanceof Failure) return false;
    const message = `sandboxes of killed runs could not be deleted: ${reasonOf(error)}. mesa-template sandbox clean removes them.`;
    host.emit({ type: "warning", message });
    return false;
  }
}

/** @blaxel/core throws plain objects with code and error, Errors, and a gateway's page as text. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  if (typeof error === "object" && error !== null) {
    const { code, error: text, message } = error as Partial<Record<"code" | "error" | "message", unknown>>;
    const words = [code, text ?? message]
      .filter((part) => typeof part === "string" || typeof part === "number")
      .join(" ");
    return words === "" ? JSON.stringify(error) : words;
  }
  return messageOf(error)
    .replace(/<[^>]*>/gu, " ")
    .replace(/\s+/gu, " ")
    .trim();
}
