import { readFile } from "node:fs/promises";
import { Agent } from "node:http";
import { join } from "node:path";
import { inspect } from "node:util";
import type Docker from "dockerode";
import { Failure } from "../../support/errors";
import { readIfPresent } from "../../support/files/files";
import type { Host } from "../../support/host";
import type { EngineAddress } from "./address";
import { sshAgent } from "./ssh-agent";

const CLOSED_AFTER_EACH = { keepAlive: false };

/**
 * How to reach an engine. Connections close after each answer, because the next request would fail on a kept one that the engine has
 * closed; ssh keeps them, because opening one is slow.
 * @throws Failure ENGINE_UNREACHABLE (exit 3) if this is not an address; errors of the file system if certificates are missing
 */
export async function connectionTo(address: EngineAddress, env: Host["env"]) {
  const headers = { Connection: "close" };
  const url = parsed(address);
  if (url.protocol === "unix:")
    return connection(
      { socketPath: address.url.slice("unix://".length), headers },
      new Agent(CLOSED_AFTER_EACH),
    );
  if (url.protocol === "ssh:")
    return connection({ protocol: "http", host: "docker.invalid", port: 80 }, sshAgent(address.url, env));
  if (url.protocol !== "tcp:" && url.protocol !== "http:" && url.protocol !== "https:")
    throw unknownScheme(address);
  const tls = address.certificates !== undefined || address.skipVerify === true || url.protocol === "https:";
  const files = tls ? await certificates(address) : {};
  const where = {
    protocol: tls ? "https" : "http",
    host: url.hostname,
    port: Number(url.port === "" ? (tls ? 2376 : 2375) : url.port),
    headers,
    ...files,
  };
  if (!tls) return connection(where, new Agent(CLOSED_AFTER_EACH));
  const https = await import("node:https");
  return connection(
    where,
    new https.Agent({ ...CLOSED_AFTER_EACH, ...files, rejectUnauthorized: address.skipVerify !== true }),
  );
}

/** dockerode's options, and the agent that opens connections, which its types lack. */
function connection(options: Readonly<Record<string, unknown>>, agent: Agent) {
  // docker-modem formats each request's options for a debug log, including every hidden property of a connection.
  Object.defineProperty(agent, inspect.custom, { value: () => "agent" });
  const all: Docker.DockerOptions & { readonly agent: Agent } = { ...options, agent };
  return { options: all, agent };
}

function parsed(address: EngineAddress): URL {
  if (!URL.canParse(address.url)) throw unknownScheme(address);
  const url = new URL(address.url);
  if (url.password === "") return url;
  throw new Failure({
    code: "ENGINE_UNREACHABLE",
    kind: "environment",
    message: `The engine address of ${address.source} contains a password, which neither ssh nor tcp uses.`,
    hint: "Leave it out: ssh uses keys or its own prompt, tcp uses certificates.",
  });
}

function unknownScheme(address: EngineAddress): Failure {
  return new Failure({
    code: "ENGINE_UNREACHABLE",
    kind: "environment",
    message: `"${address.url}" (${address.source}) is not an engine address.`,
    hint: "Use unix:///path/of/socket, tcp://host:port or ssh://user@host.",
  });
}

async function certificates({
  certificates: folder,
}: EngineAddress): Promise<Readonly<Record<string, Buffer | undefined>>> {
  if (folder === undefined) return {};
  const read = (name: string): Promise<Buffer | undefined> => readIfPresent(join(folder, name));
  const [ca, cert, key] = await Promise.all([read("ca.pem"), read("cert.pem"), read("key.pem")]);
  // Fails with the name of the missing file.
  if (ca === undefined && cert === undefined) await readFile(join(folder, "ca.pem"));
  return { ca, cert, key };
}
