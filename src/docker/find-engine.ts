import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Where an engine was found, and by what. */
export interface EngineAddress {
  /** unix:///path, tcp://host:port, ssh://user@host */
  readonly url: string;
  readonly foundBy: string;
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

type Environment = Readonly<Record<string, string | undefined>>;

function dockerConfigFolder(env: Environment): string {
  return env["DOCKER_CONFIG"] ?? join(env["HOME"] ?? "/", ".docker");
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function tlsFrom(folder: string): EngineAddress["tls"] {
  const [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map((name) => join(folder, name));
  return ca !== undefined && cert !== undefined && key !== undefined && existsSync(cert)
    ? { ca, cert, key }
    : undefined;
}

function fromContext(env: Environment): EngineAddress | undefined {
  const folder = dockerConfigFolder(env);
  const config = readJson(join(folder, "config.json")) as { readonly currentContext?: unknown } | undefined;
  const name =
    env["DOCKER_CONTEXT"] ?? (typeof config?.currentContext === "string" ? config.currentContext : undefined);
  if (name === undefined || name === "" || name === "default") return undefined;
  const id = createHash("sha256").update(name).digest("hex");
  const meta = readJson(join(folder, "contexts/meta", id, "meta.json")) as
    { readonly Endpoints?: { readonly docker?: { readonly Host?: unknown } } } | undefined;
  const url = meta?.Endpoints?.docker?.Host;
  if (typeof url !== "string") return undefined;
  const tls = tlsFrom(join(folder, "contexts/tls", id, "docker"));
  return { url, foundBy: `the context ${name}`, ...(tls === undefined ? {} : { tls }) };
}

/** The engine as the docker CLI finds it: DOCKER_HOST, the current context, the default socket, a rootless socket. */
export function findEngine(env: Environment): EngineAddress {
  const host = env["DOCKER_HOST"];
  if (host !== undefined && host !== "") {
    const tls = env["DOCKER_TLS_VERIFY"]
      ? tlsFrom(env["DOCKER_CERT_PATH"] ?? dockerConfigFolder(env))
      : undefined;
    return { url: host, foundBy: "DOCKER_HOST", ...(tls === undefined ? {} : { tls }) };
  }
  const context = fromContext(env);
  if (context !== undefined) return context;
  const rootless =
    env["XDG_RUNTIME_DIR"] === undefined ? undefined : join(env["XDG_RUNTIME_DIR"], "docker.sock");
  if (!existsSync("/var/run/docker.sock") && rootless !== undefined && existsSync(rootless))
    return { url: `unix://${rootless}`, foundBy: "the rootless socket" };
  return { url: "unix:///var/run/docker.sock", foundBy: "the default socket" };
}
