import type { ContainerRequest, Engine } from "../../docker/index";
import { warnThatStays } from "../../support/processes/clean-up";
import { Failure, messageOf } from "../../support/errors";
import type { Host } from "../../support/host";
import { FUSE_PROBE } from "../checks/probes";
import type { Needs } from "../checks-file/file-checks";
import { API_PORT, containerSubject, type SmokeContainer } from "./container";

/** What a run's checks need besides a sandbox's environment. */
export interface ContainerOptions extends Pick<Needs, "ports" | "devices"> {
  /** Whether process 1 is a small init (default) or the image's entrypoint. */
  readonly init?: boolean;
}

/** Container settings for these devices, with the right to mount if /dev/fuse is among them. */
export function deviceAccess(engine: Engine, devices: readonly string[]): Partial<ContainerRequest> {
  if (devices.length === 0) return {};
  if (!devices.includes("/dev/fuse")) return { devices };
  return {
    devices,
    capabilities: ["SYS_ADMIN"],
    ...(engine.facts.appArmor ? { securityOptions: ["apparmor=unconfined"] } : {}),
  };
}

/** What is published of a container: the sandbox API's port, and these. */
export function publishedPorts(ports: readonly number[]): readonly number[] {
  return [...new Set([API_PORT, ...ports])];
}

/** The device that an engine refused: its host lacks it, or denies access. */
function refusedDevice(error: unknown, devices: readonly string[]): string | undefined {
  const words = messageOf(error);
  const named = devices.filter((device) => words.includes(device));
  const longest = [...named].sort((a, b) => b.length - a.length)[0];
  const aboutFuse = devices.includes("/dev/fuse") && /SYS_ADMIN|operation not permitted/iu.test(words);
  return longest ?? (aboutFuse ? "/dev/fuse" : undefined);
}

/**
 * Starts a container of the image with a sandbox's environment, above all /dev/fuse. A device that the engine's host lacks is left out and
 * reported.
 * @throws Failure CONTAINER_START (exit 6)
 */
export function startContainer(
  host: Host,
  engine: Engine,
  image: string,
  { ports, devices, init = true }: ContainerOptions,
): Promise<SmokeContainer> {
  const env = ["TELEMETRY_ENABLED=false", "DO_NOT_TRACK=1", "HOST=::"];
  const request = { image, env, init, publish: publishedPorts(ports) };
  return startWithDevices(host, engine, [...new Set(["/dev/fuse", ...devices])], request);
}

const REFUSED = /permission denied|operation not permitted/iu;

/**
 * Why a container cannot mount with its /dev/fuse. A rootless engine passes the device into the container even if its user may not open it.
 * Undefined if the container can mount, or if something else is missing, such as a shell: the image's checks report that.
 */
export async function whyFuseIsRefused({
  engine,
  run,
}: Pick<SmokeContainer, "engine" | "run">): Promise<string | undefined> {
  if (!engine.facts.rootless) return undefined;
  const tried = await run({ script: FUSE_PROBE, user: "0", timeoutMs: 10_000 }).catch(() => undefined);
  const words = tried === undefined ? "" : `${tried.stdout}${tried.stderr}`.trim();
  if (tried?.exitCode === 0 || !REFUSED.test(words)) return undefined;
  return `the engine is rootless, and its user may not mount with /dev/fuse (${words.slice(0, 200)}): make the device accessible on its machine (chmod 666 /dev/fuse)`;
}

/** Whether an engine reports that it has no init: Podman's is a separate package (catatonit). */
function hasNoInit(error: unknown): boolean {
  return /container-init binary|docker-init/u.test(messageOf(error));
}

/**
 * Starts a container with those of the devices that the engine can provide.
 * @throws Failure CONTAINER_START (exit 6), ENGINE_GONE (exit 3)
 */
export async function startWithDevices(
  host: Host,
  engine: Engine,
  devices: readonly string[],
  request: ContainerRequest,
): Promise<SmokeContainer> {
  const missing: Record<string, string> = {};
  let wanted = request;
  for (;;) {
    const given = devices.filter((device) => missing[device] === undefined);
    try {
      const started = await startOne(host, engine, { ...wanted, ...deviceAccess(engine, given) });
      const refused = given.includes("/dev/fuse") ? await whyFuseIsRefused(started) : undefined;
      if (refused !== undefined) missing["/dev/fuse"] = refused;
      return { ...started, missingDevices: missing };
    } catch (error) {
      host.signal.throwIfAborted();
      if (wanted.init === true && hasNoInit(error)) {
        wanted = { ...wanted, init: false };
        continue;
      }
      // A lost engine says nothing about the image.
      if (error instanceof Failure && error.code === "ENGINE_GONE") throw error;
      const refused = refusedDevice(error, given);
      if (refused === undefined) throw cannotStart(engine, request.image, error);
      missing[refused] = `the engine cannot give a container ${refused}: ${messageOf(error).slice(0, 200)}`;
    }
  }
}

/** A rootless engine's networks are user programs (slirp4netns, pasta), which need /dev/net/tun. */
const NETWORK_REFUSED = /slirp4netns|pasta|rootless netns|\/dev\/net\/tun/iu;

function cannotStart({ facts }: Engine, image: string, error: unknown): Failure {
  if (facts.rootless && NETWORK_REFUSED.test(messageOf(error)))
    return new Failure({
      code: "CONTAINER_START",
      kind: "environment",
      message: `No container of ${image} could be started, because the rootless engine has no network for it: ${messageOf(error)}`,
      hint: "On its machine install slirp4netns (or passt) and make /dev/net/tun accessible (chmod 666 /dev/net/tun), then restart the engine's service.",
      cause: error,
    });
  return new Failure({
    code: "CONTAINER_START",
    kind: "smoke",
    message: `No container of ${image} could be started: ${messageOf(error)}`,
    hint: 'Exit 126 or 127 and "exec format error" mean that the entrypoint is missing, not executable, or for another machine.',
    cause: error,
  });
}

async function startOne(
  host: Host,
  engine: Engine,
  request: ContainerRequest,
): Promise<Omit<SmokeContainer, "missingDevices">> {
  host.signal.throwIfAborted();
  const id = await engine.createContainer(request);
  try {
    await engine.startContainer(id);
    return containerSubject(host, engine, id, (await engine.container(id))?.ports ?? {});
  } catch (error) {
    // A failed removal must not hide why the start failed; a later run removes it.
    await engine.removeContainer(id).catch(warnThatStays(host, `the container ${id.slice(0, 12)}`));
    throw error;
  }
}
