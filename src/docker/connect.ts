import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { Failure, messageOf } from "../support/errors";
import { readIfPresent } from "../support/files";
import type { Host } from "../support/host";
import { engineAddresses, UnknownContext, type EngineAddress } from "./address";
import { containersOf } from "./containers";
import { addressSources } from "./contexts";
import { engineFacts } from "./daemon";
import type { Engine } from "./engine";
import { imagesOf } from "./images";
import { sshAgent } from "./ssh-agent";

const HINT =
  "Start Docker (or a Podman socket: systemctl --user start podman.socket), or point DOCKER_HOST or the docker context at an engine; `docker info` must work for this user.";

const connected = new WeakMap<Host, Promise<Engine>>();

/**
 * The engine of this run, found as the docker command finds it (DOCKER_HOST, context, sockets) and asked what it is.
 * @throws Failure ENGINE_UNREACHABLE (environment) with what was tried
 */
export function connectEngine(host: Host): Promise<Engine> {
  const before = connected.get(host);
  if (before !== undefined) return before;
  const engine = connect(host);
  connected.set(host, engine);
  engine.catch(() => connected.delete(host));
  return engine;
}

async function connect(host: Host): Promise<Engine> {
  const tried: string[] = [];
  let last: unknown;
  for (const address of addressesFor(host)) {
    try {
      const { default: Dockerode } = await import("dockerode");
      const docker = new Dockerode(await connectionOptions(address, host.env));
      const facts = await withLimit(
        engineFacts(docker, address.url),
        address.url.startsWith("ssh:") ? 40_000 : 10_000,
      );
      return { facts, ...imagesOf(docker), ...containersOf(docker, facts.publish) };
    } catch (error) {
      host.signal.throwIfAborted();
      if (error instanceof Failure) throw error;
      last = error;
      tried.push(`${address.url} (${address.source}): ${messageOf(error) || "no answer"}`);
    }
  }
  throw new Failure({
    code: "ENGINE_UNREACHABLE",
    kind: "environment",
    message: "No container engine answers.",
    log: tried,
    hint: HINT,
    cause: last,
  });
}

function addressesFor(host: Host): readonly EngineAddress[] {
  try {
    return engineAddresses(addressSources(host.env));
  } catch (error) {
    if (!(error instanceof UnknownContext)) throw error;
    throw new Failure({
      code: "ENGINE_UNREACHABLE",
      kind: "environment",
      message: error.message,
      hint: "docker context ls lists those there are.",
      cause: error,
    });
  }
}

function withLimit<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${String(ms / 1000)} s`));
    }, ms);
  });
  return Promise.race([work, limit]).finally(() => {
    clearTimeout(timer);
  });
}

/**
 * Options for dockerode. Connections are closed after each answer, but for ssh, where one is dear: a kept one that the engine closed
 * meanwhile fails the next request. `host` and `socketPath` are always both given, because docker-modem lets DOCKER_HOST fill in whichever is missing.
 */
async function connectionOptions(address: EngineAddress, env: Host["env"]): Promise<Docker.DockerOptions> {
  const headers = { Connection: "close" };
  const url = parsed(address);
  if (url.protocol === "unix:")
    return options({ socketPath: decodeURIComponent(url.pathname), host: undefined, headers });
  if (url.protocol === "ssh:")
    return options({
      protocol: "http",
      host: "docker.invalid",
      port: 80,
      socketPath: undefined,
      agent: sshAgent(address.url, env),
    });
  if (url.protocol !== "tcp:" && url.protocol !== "http:" && url.protocol !== "https:")
    throw unknownScheme(address);
  const tls = address.certificates !== undefined || url.protocol === "https:";
  const files = tls ? await certificates(address) : {};
  const { Agent } = await import("node:https");
  return options({
    protocol: tls ? "https" : "http",
    host: url.hostname,
    port: Number(url.port === "" ? (tls ? 2376 : 2375) : url.port),
    socketPath: undefined,
    headers,
    ...files,
    ...(tls
      ? { agent: new Agent({ keepAlive: false, ...files, rejectUnauthorized: address.skipVerify !== true }) }
      : {}),
  });
}

/** dockerode's types do not know that an option may be given as undefined, which is what keeps the environment out. */
function options(values: Readonly<Record<string, unknown>>): Docker.DockerOptions {
  return values;
}

function parsed(address: EngineAddress): URL {
  try {
    return new URL(address.url);
  } catch {
    throw unknownScheme(address);
  }
}

function unknownScheme(address: EngineAddress): Failure {
  return new Failure({
    code: "ENGINE_UNREACHABLE",
    kind: "environment",
    message: `"${address.url}" (${address.source}) is no address of an engine.`,
    hint: "It is unix:///path/of/socket, tcp://host:port or ssh://user@host.",
  });
}

async function certificates(
  address: EngineAddress,
): Promise<{ readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer }> {
  const folder = address.certificates;
  if (folder === undefined) return {};
  const [ca, cert, key] = await Promise.all([
    readIfPresent(join(folder, "ca.pem")),
    readIfPresent(join(folder, "cert.pem")),
    readIfPresent(join(folder, "key.pem")),
  ]);
  if (ca === undefined && cert === undefined) await readFile(join(folder, "ca.pem"));
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
