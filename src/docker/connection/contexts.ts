import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { dockerConfigFolder } from "../../support/files/docker-files";
import { textNow } from "../../support/files/files";
import type { AddressSources, ContextEndpoint } from "./address";

function field(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, name) =>
      typeof at === "object" && at !== null && Object.hasOwn(at, name)
        ? (at as Record<string, unknown>)[name]
        : undefined,
    value,
  );
}

function jsonFile(path: string): unknown {
  try {
    return JSON.parse(textNow(path) ?? "");
  } catch {
    return undefined;
  }
}

/**
 * The docker command's configuration of engines: config.json (`currentContext`) and contexts/meta/<sha256 of the name>/meta.json
 * (docker/cli, cli/context/store). Ignores files that are missing or unreadable.
 */
export function addressSources(env: AddressSources["env"]): AddressSources {
  const folder = dockerConfigFolder(env);
  if (folder === undefined) return { env, currentContext: undefined, context: () => undefined };
  const current = field(jsonFile(join(folder, "config.json")), "currentContext");
  return {
    env,
    currentContext: typeof current === "string" ? current : undefined,
    context: (name) => contextIn(folder, name),
  };
}

function contextIn(folder: string, name: string): ContextEndpoint | undefined {
  const id = createHash("sha256").update(name).digest("hex");
  const endpoint = field(jsonFile(join(folder, "contexts/meta", id, "meta.json")), "Endpoints", "docker");
  const host = field(endpoint, "Host");
  if (typeof host !== "string" || host === "") return undefined;
  const certificates = join(folder, "contexts/tls", id, "docker");
  return {
    host,
    skipVerify: field(endpoint, "SkipTLSVerify") === true,
    certificates: existsSync(certificates) ? certificates : undefined,
  };
}
