import type { IncomingMessage } from "node:http";
import type Docker from "dockerode";
import type { EngineFacts, PublishedPorts } from "../engine";

/** Sends any request of the engine's API; returns headers and status, and drains the body. */
export function ask(
  docker: Docker,
  method: "GET" | "POST",
  path: string,
  abortSignal?: AbortSignal,
): Promise<{ readonly status: number; readonly headers: IncomingMessage["headers"] }> {
  const accepted = Object.fromEntries(
    [200, 204, 400, 404, 405, 426, 500, 501].map((status) => [status, true]),
  );
  return new Promise((resolve, reject) => {
    const modem = docker.modem as {
      dial(options: unknown, callback: (error: Error | null, answer: IncomingMessage) => void): void;
    };
    modem.dial(
      { path, method, isStream: true, statusCodes: accepted, options: {}, abortSignal },
      (error, answer) => {
        if (error !== null) {
          reject(error);
          return;
        }
        answer.on("error", reject);
        answer.on("end", () => {
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers });
        });
        answer.resume();
      },
    );
  });
}

/** Asks an engine for its facts. Rejects if it is not responding. */
export async function engineFacts(docker: Docker, address: string): Promise<EngineFacts> {
  const ping = await ask(docker, "GET", "/_ping");
  if (ping.status !== 200) throw new Error(`it answered ${String(ping.status)} to /_ping`);
  const [version, info, buildKit] = await Promise.all([
    docker.version(),
    docker.info() as Promise<Info>,
    hasBuildKit(docker, ping.headers),
  ]);
  const security = info.SecurityOptions ?? [];
  const [component] =
    (version as { readonly Components?: readonly { readonly Name?: string }[] }).Components ?? [];
  return {
    name: component?.Name === undefined || component.Name === "Engine" ? "Docker Engine" : component.Name,
    version: version.Version,
    apiVersion: version.ApiVersion,
    address,
    buildKit,
    appArmor: security.some((option) => option.includes("apparmor")),
    // Docker lists it among its security options, Podman in its own field.
    rootless: info.Rootless === true || security.some((option) => option.includes("rootless")),
    idsAreConfigDigests: !(info.DriverStatus ?? []).some(([, value]) => value?.startsWith(CONTAINERD_STORE)),
    publish: publishedPorts(address),
  };
}

/**
 * Newer engines announce BuildKit in their answer to /_ping (Builder-Version: 2). Docker 20.10 does not, so it is asked for /session, which
 * later engines deprecate (API 1.53). Without an upgrade, an engine with BuildKit refuses; one without answers 404.
 */
async function hasBuildKit(docker: Docker, ping: IncomingMessage["headers"]): Promise<boolean> {
  if (ping["builder-version"] === "2") return true;
  const { status } = await ask(docker, "POST", "/session");
  return status !== 404 && status !== 405;
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

/** Where the engine at this address binds published ports, and the name to reach them. */
export function publishedPorts(address: string): PublishedPorts {
  const { protocol, hostname } = new URL(address);
  if (protocol === "unix:" || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/u.test(hostname))
    return { bindTo: "127.0.0.1", reachedAt: "127.0.0.1" };
  return { bindTo: "0.0.0.0", reachedAt: hostname };
}
