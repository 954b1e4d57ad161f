import type { Host } from "../../support/host";
import { valueAt } from "../../support/text/parsed-json";
import { dockerConfig } from "./address";

/** Build arguments by their setting in config.json (docker/cli, cli/config/configfile/file.go, ParseProxyConfig). */
const ARGUMENTS = {
  httpProxy: "HTTP_PROXY",
  httpsProxy: "HTTPS_PROXY",
  ftpProxy: "FTP_PROXY",
  noProxy: "NO_PROXY",
  allProxy: "ALL_PROXY",
};

/**
 * The proxies that config.json sets for an engine, else its default ones, as the docker command passes them to a build. Builders keep them
 * out of image and history (Dockerfile reference, "Predefined ARGs"). A proxy's password becomes a secret of this run.
 */
export function proxyArguments(
  { env, redact }: Pick<Host, "env" | "redact">,
  address: string,
): Readonly<Record<string, string>> {
  const config = dockerConfig(env);
  const proxies = valueAt(config, ["proxies", address]) ?? valueAt(config, ["proxies", "default"]);
  const found: Record<string, string> = {};
  for (const [setting, name] of Object.entries(ARGUMENTS)) {
    const value = valueAt(proxies, [setting]);
    if (typeof value !== "string" || value === "") continue;
    if (URL.canParse(value)) redact.add(new URL(value).password);
    found[name] = found[name.toLowerCase()] = value;
  }
  return found;
}
