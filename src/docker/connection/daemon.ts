import type { IncomingMessage } from "node:http";
import { finished } from "node:stream/promises";
import type Docker from "dockerode";
import { textNow } from "../../support/files/files";
import { isLoopback } from "../../support/network/loopback";
import type { EngineAddress } from "./address";

/** Sends a request of the engine's API that dockerode does not know, or sends otherwise (docker-modem's `dial`). */
export function dial<T>(docker: Docker, request: object): Promise<T> {
  const modem = docker.modem as {
    dial(request: object, done: (error: Error | null, answer: T) => void): void;
  };
  return new Promise((resolve, reject) => {
    modem.dial(request, (error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}

const ACCEPTED = Object.fromEntries([200, 204, 400, 404, 405, 426, 500, 501].map((status) => [status, true]));

/** Sends a request whatever its answer; drains the body. */
export async function ask(
  docker: Docker,
  method: "GET" | "POST",
  path: string,
  abortSignal?: AbortSignal,
): Promise<Pick<IncomingMessage, "statusCode" | "headers">> {
  const request = { path, method, isStream: true, statusCodes: ACCEPTED, options: {}, abortSignal };
  const answer = await dial<IncomingMessage>(docker, request);
  await finished(answer.resume());
  return answer;
}

/** Facts and abilities of an engine. */
export type EngineFacts = Readonly<Awaited<ReturnType<typeof engineFacts>>>;

/** Asks an engine for its facts and abilities, which are never guessed from its name. Rejects if it is not responding. */
export async function engineFacts(docker: Docker, address: EngineAddress) {
  const ping = await ask(docker, "GET", "/_ping");
  if (ping.statusCode !== 200) throw new Error(`it answered ${String(ping.statusCode)} to /_ping`);
  const [version, info, buildKit] = await Promise.all([
    docker.version(),
    docker.info() as Promise<Info>,
    hasBuildKit(docker, ping.headers),
  ]);
  if (typeof version.ApiVersion !== "string")
    throw new Error("it is no container engine: /version names no version of Docker's API");
  const { url, certificates, skipVerify = false } = address;
  const security = info.SecurityOptions ?? [];
  const [component] =
    (version as { readonly Components?: readonly { readonly Name?: string }[] }).Components ?? [];
  return {
    /** Its own, e.g. "Docker Engine", "Podman Engine". */
    name: component?.Name === undefined || component.Name === "Engine" ? "Docker Engine" : component.Name,
    version: version.Version,
    apiVersion: version.ApiVersion,
    /** For messages: unix:///var/run/docker.sock */
    address: url,
    /** Whether it builds with BuildKit over this API. */
    buildKit,
    /** Whether AppArmor, which forbids mount, confines containers by default. */
    appArmor: security.some((option) => option.includes("apparmor")),
    /**
     * Whether it runs as a plain user. Root in its containers is then that user, without rights to devices of the engine's machine. Docker
     * lists it among its security options, Podman in its own field.
     */
    rootless: info.Rootless === true || security.some((option) => option.includes("rootless")),
    /** Whether an image's id is the digest of its configuration; with the containerd image store it is that of a manifest. */
    idsAreConfigDigests: !(info.DriverStatus ?? []).some(([, value]) => value?.startsWith(CONTAINERD_STORE)),
    publish: publishedPorts(url, await gatewayFromHere(docker)),
    /** For tcp with TLS: how to verify it by its certificate. */
    tls: certificates === undefined && !skipVerify ? undefined : { certificates, skipVerify },
  };
}

/** An engine for other programs: they know these variables, not all know contexts and the sockets of rootless engines. */
export function engineVariables({
  address,
  tls,
}: Pick<EngineFacts, "address" | "tls">): Readonly<Record<string, string>> {
  const certificates = tls?.certificates;
  return {
    DOCKER_HOST: address,
    ...(certificates === undefined ? {} : { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: certificates }),
  };
}

/**
 * Newer engines announce BuildKit in their answer to /_ping (Builder-Version: 2). Docker 20.10 does not, so it is asked for /session, which
 * later engines deprecate (API 1.53). Without an upgrade, an engine with BuildKit refuses; one without answers 404.
 */
async function hasBuildKit(docker: Docker, ping: IncomingMessage["headers"]): Promise<boolean> {
  if (ping["builder-version"] === "2") return true;
  const { statusCode } = await ask(docker, "POST", "/session");
  return statusCode !== 404 && statusCode !== 405;
}

/** Prefix of the containerd image store's drivers (`docker info`, Storage Driver). */
const CONTAINERD_STORE = "io.containerd.snapshotter.";

interface Info {
  readonly DriverStatus?: readonly (readonly string[])[] | null;
  readonly SecurityOptions?: readonly string[] | null;
  readonly Rootless?: boolean;
}

/** 41 of an API version "1.41"; there is no other major version. */
export function apiMinor(version: string): number {
  return Number(version.split(".")[1] ?? 0);
}

/** In a container, the mount of its own /etc/hostname, whose source names its id (proc(5), mountinfo: root, mount point). */
const OWN_ID = /\/([0-9a-f]{64})\/\S* \/etc\/hostname /u;

/** The engine's machine as a container of that engine reaches it, if this program runs in one, with the engine's socket; else undefined. */
async function gatewayFromHere(docker: Docker): Promise<string | undefined> {
  const id = OWN_ID.exec(textNow("/proc/self/mountinfo") ?? "")?.[1];
  if (id === undefined) return undefined;
  const own = await docker
    .getContainer(id)
    .inspect()
    .catch(() => undefined);
  const gateways = Object.values(own?.NetworkSettings.Networks ?? {}).map(({ Gateway }) => Gateway);
  return gateways.find((gateway) => gateway !== "");
}

export type PublishedPorts = ReturnType<typeof publishedPorts>;

/**
 * Where the engine at this address binds published ports, and the name to reach them. An engine on this machine binds loopback only, because
 * the sandbox API has no password.
 * @param gateway where this program reaches the engine's machine from a container; undefined: it runs on that machine
 */
export function publishedPorts(address: string, gateway?: string) {
  const { protocol, hostname } = new URL(address);
  if (protocol === "unix:" || isLoopback(hostname))
    return gateway === undefined
      ? { bindTo: "127.0.0.1", reachedAt: "127.0.0.1" }
      : { bindTo: "0.0.0.0", reachedAt: gateway };
  return { bindTo: "0.0.0.0", reachedAt: hostname };
}
