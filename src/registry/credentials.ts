import { join } from "node:path";
import { readIfPresent } from "../support/files";
import type { Host } from "../support/host";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/**
 * The credentials for a registry host: MESA_TEMPLATE_REGISTRY_USERNAME and MESA_TEMPLATE_REGISTRY_PASSWORD when they are meant for it
 * (MESA_TEMPLATE_REGISTRY names their host; without it they belong to the mirror, and to nobody else), else what `docker login` wrote
 * into config.json. undefined: ask without. The password becomes a secret of this run.
 */
export async function credentialsFor(
  host: Host,
  registry: string,
  mirrorHost: string | undefined,
): Promise<Credentials | undefined> {
  const found = fromEnvironment(host.env, registry, mirrorHost) ?? (await fromDockerConfig(host, registry));
  host.redact.add(found?.password);
  return found;
}

function fromEnvironment(
  env: Host["env"],
  registry: string,
  mirrorHost: string | undefined,
): Credentials | undefined {
  const username = env["MESA_TEMPLATE_REGISTRY_USERNAME"];
  const password = env["MESA_TEMPLATE_REGISTRY_PASSWORD"];
  if (username === undefined || password === undefined || username === "") return undefined;
  const meantFor = env["MESA_TEMPLATE_REGISTRY"] ?? mirrorHost;
  return meantFor === registry || (meantFor === "docker.io" && registry === "registry-1.docker.io")
    ? { username, password }
    : undefined;
}

async function fromDockerConfig(host: Host, registry: string): Promise<Credentials | undefined> {
  const folder =
    host.env["DOCKER_CONFIG"] ??
    (host.env["HOME"] === undefined ? undefined : join(host.env["HOME"], ".docker"));
  const data = folder === undefined ? undefined : await readIfPresent(join(folder, "config.json"));
  return data === undefined ? undefined : credentialsInConfig(data.toString("utf8"), registry);
}

/** The names under which `docker login` keeps a registry's credentials; Docker Hub's is historical. */
function keysOf(registry: string): readonly string[] {
  const hub = ["https://index.docker.io/v1/", "index.docker.io", "docker.io"];
  return [
    registry,
    `https://${registry}`,
    `https://${registry}/`,
    ...(registry === "registry-1.docker.io" ? hub : []),
  ];
}

/** The credentials for a registry host in the text of Docker's config.json; undefined when there are none or it cannot be read. */
export function credentialsInConfig(text: string, registry: string): Credentials | undefined {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    return undefined;
  }
  const auths = field(config, "auths");
  for (const key of keysOf(registry)) {
    const auth = field(field(auths, key), "auth");
    if (typeof auth !== "string") continue;
    const [username, ...rest] = Buffer.from(auth, "base64").toString("utf8").split(":");
    if (username !== undefined && username !== "" && rest.length > 0)
      return { username, password: rest.join(":") };
  }
  return undefined;
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
