import { readFileSync } from "node:fs";
import type Dockerode from "dockerode";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { findEngine, type EngineAddress } from "./find-engine";

/** An engine that answered, and what it said it can do. */
export interface Connection {
  readonly docker: Dockerode;
  readonly address: EngineAddress;
  readonly name: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly hasBuildKit: boolean;
  readonly hasAppArmor: boolean;
  readonly rootless: boolean;
  /** Where ports published on 127.0.0.1 of the engine's host are reached from here. */
  readonly publishedHost: string;
}

async function dockerodeFor(address: EngineAddress): Promise<Dockerode> {
  const { default: Docker } = await import("dockerode");
  // Without keep-alive: a build's stream and the requests after it must not share a connection.
  const headers = { Connection: "close" };
  if (address.url.startsWith("unix://"))
    return new Docker({ socketPath: address.url.slice("unix://".length), headers });
  const url = new URL(address.url);
  if (url.protocol === "ssh:")
    return new Docker({
      protocol: "ssh",
      host: url.hostname,
      port: Number(url.port || 22),
      username: url.username || "root",
      headers,
    });
  const tls =
    address.tls === undefined
      ? {}
      : {
          ca: readFileSync(address.tls.ca),
          cert: readFileSync(address.tls.cert),
          key: readFileSync(address.tls.key),
        };
  return new Docker({
    protocol: address.tls === undefined ? "http" : "https",
    host: url.hostname,
    port: Number(url.port || (address.tls === undefined ? 2375 : 2376)),
    headers,
    ...tls,
  });
}

interface VersionAnswer {
  readonly Version?: string;
  readonly ApiVersion?: string;
  readonly Components?: readonly { readonly Name?: string }[];
}

/**
 * Connects to the engine and asks what it can do.
 * @throws Failure ENGINE_UNREACHABLE (exit 3)
 */
export async function openConnection(host: Host): Promise<Connection> {
  const address = findEngine(host.env);
  try {
    const docker = await dockerodeFor(address);
    const ping = (await Promise.race([docker.version(), refuseAfter(15_000)])) as VersionAnswer;
    const info = (await docker.info()) as { readonly SecurityOptions?: readonly string[] | null };
    const security = info.SecurityOptions ?? [];
    const name = ping.Components?.[0]?.Name ?? "Engine";
    const podman = /podman/iu.test(name);
    const url = address.url.startsWith("unix://") ? undefined : new URL(address.url);
    return {
      docker,
      address,
      name: podman ? "Podman" : "Docker Engine",
      version: ping.Version ?? "unknown",
      apiVersion: ping.ApiVersion ?? "unknown",
      hasBuildKit: !podman && host.env["MESA_TEMPLATE_BUILDER"] !== "classic",
      hasAppArmor: security.some((option) => option.includes("apparmor")),
      rootless: security.some((option) => option.includes("rootless")),
      publishedHost: url?.hostname ?? "127.0.0.1",
    };
  } catch (error) {
    throw new Failure({
      code: "ENGINE_UNREACHABLE",
      kind: "environment",
      message: `No Docker engine answers at ${address.url} (from ${address.foundBy}): ${messageOf(error)}`,
      hint: "Start it (systemctl start docker, or dockerd), or point DOCKER_HOST at one; mesa-template doctor looks at everything that is needed.",
      cause: error,
    });
  }
}

function refuseAfter(ms: number): Promise<never> {
  return new Promise((_resolve, reject) => {
    setTimeout(() => {
      reject(new Error(`no answer within ${String(ms / 1000)} s`));
    }, ms).unref();
  });
}

/** The HTTP status of an engine's refusal, or undefined. */
export function engineStatus(error: unknown): number | undefined {
  return typeof error === "object" &&
    error !== null &&
    "statusCode" in error &&
    typeof error.statusCode === "number"
    ? error.statusCode
    : undefined;
}
