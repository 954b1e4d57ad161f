import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { dockerConfigFolder } from "../../support/environment";
import { textNow } from "../../support/files/files";
import { parsedJson, valueAt } from "../../support/text/parsed-json";
import type { AddressSources, EngineAddress } from "./address";

/**
 * The docker command's configuration of engines: config.json (`currentContext`) and contexts/meta/<sha256 of the name>/meta.json
 * (docker/cli, cli/context/store). Ignores files that are missing or unreadable.
 */
export function addressSources(env: AddressSources["env"]): AddressSources {
  const folder = dockerConfigFolder(env);
  if (folder === undefined) return { env, currentContext: undefined, context: () => undefined };
  const current = valueAt(parsedJson(textNow(join(folder, "config.json"))), ["currentContext"]);
  return {
    env,
    currentContext: typeof current === "string" ? current : undefined,
    context: (name) => contextIn(folder, name),
  };
}

function contextIn(folder: string, name: string): Omit<EngineAddress, "source"> | undefined {
  const id = createHash("sha256").update(name).digest("hex");
  const meta = parsedJson(textNow(join(folder, "contexts/meta", id, "meta.json")));
  const endpoint = valueAt(meta, ["Endpoints", "docker"]);
  const host = valueAt(endpoint, ["Host"]);
  if (typeof host !== "string" || host === "") return undefined;
  const certificates = join(folder, "contexts/tls", id, "docker");
  return {
    url: host,
    skipVerify: valueAt(endpoint, ["SkipTLSVerify"]) === true,
    certificates: existsSync(certificates) ? certificates : undefined,
  };
}
