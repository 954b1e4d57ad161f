import { existsSync } from "node:fs";
import { join } from "node:path";
import { dockerConfigFolder, setIn } from "../../support/environment";
import { Failure } from "../../support/errors";
import { textNow } from "../../support/files/files";
import type { Host } from "../../support/host";
import { sha256 } from "../../support/text/digest";
import { parsedJson, valueAt } from "../../support/text/parsed-json";

/** A possible location of an engine. */
export interface EngineAddress {
  /** unix:///path, tcp://host:port or ssh://[user@]host[:port][/path] */
  readonly url: string;
  /** What names it: DOCKER_HOST, the docker context NAME, the default socket … */
  readonly source: string;
  /** Folder with ca.pem, cert.pem and key.pem, for tcp with TLS. */
  readonly certificates?: string | undefined;
  /** TLS without verifying the engine (docker context create --docker skip-tls-verify=true). */
  readonly skipVerify?: boolean;
}

/**
 * Where to look for an engine, in the docker command's order (docker/cli, cli/command/cli.go): DOCKER_HOST, DOCKER_CONTEXT, the current
 * context of config.json, the default socket. If nothing is chosen, also the sockets of rootless Docker, Docker Desktop and Podman.
 * @throws Failure ENGINE_UNREACHABLE (exit 3) if the named context does not exist
 */
export function engineAddresses(env: Host["env"]): readonly EngineAddress[] {
  const dockerHost = setIn(env, "DOCKER_HOST");
  if (dockerHost !== undefined) return [fromDockerHost(dockerHost, env)];
  const folder = dockerConfigFolder(env);
  const named = setIn(env, "DOCKER_CONTEXT");
  const name = named ?? currentContext(env);
  if (name === undefined || name === "" || name === "default") return usualSockets(env);
  const found = folder === undefined ? undefined : contextIn(folder, name);
  if (found !== undefined) return [found];
  throw new Failure({
    code: "ENGINE_UNREACHABLE",
    kind: "environment",
    message: `The docker context "${name}" (${named === name ? "DOCKER_CONTEXT" : "the current one"}) does not exist, or its file is damaged.`,
    hint: "docker context ls lists the contexts.",
  });
}

const DEFAULT_SOCKET = "unix:///var/run/docker.sock";

function usualSockets(env: Host["env"]): readonly EngineAddress[] {
  const runtime = setIn(env, "XDG_RUNTIME_DIR");
  const home = setIn(env, "HOME");
  const below = (folder: string | undefined, path: string, source: string): readonly EngineAddress[] =>
    folder === undefined ? [] : [{ url: `unix://${folder}/${path}`, source }];
  return [
    { url: DEFAULT_SOCKET, source: "the default socket" },
    ...below(runtime, "docker.sock", "rootless Docker"),
    ...below(home, ".docker/run/docker.sock", "Docker Desktop"),
    ...below(runtime, "podman/podman.sock", "rootless Podman"),
    { url: "unix:///run/podman/podman.sock", source: "Podman" },
  ];
}

/** DOCKER_HOST with the docker command's defaults for what it leaves out (docker/cli, opts/hosts.go). */
function withDefaults(text: string): string {
  if (text === "unix://") return DEFAULT_SOCKET;
  return (text.includes("://") ? text : `tcp://${text}`).replace(/^tcp:\/\/(?=$|[:/])/u, "tcp://localhost");
}

function fromDockerHost(text: string, env: Host["env"]): EngineAddress {
  const url = withDefaults(text.trim());
  const verify = setIn(env, "DOCKER_TLS_VERIFY") !== undefined;
  const tls = verify || setIn(env, "DOCKER_TLS") !== undefined;
  if (!url.startsWith("tcp:") || !tls) return { url, source: "DOCKER_HOST" };
  const certificates = setIn(env, "DOCKER_CERT_PATH") ?? dockerConfigFolder(env);
  return { url, source: "DOCKER_HOST", certificates, skipVerify: !verify };
}

/** Docker's config.json; undefined where it is missing or unreadable. */
export function dockerConfig(env: Host["env"]): unknown {
  const folder = dockerConfigFolder(env);
  return folder === undefined ? undefined : parsedJson(textNow(join(folder, "config.json")));
}

/** The docker command's choice. */
function currentContext(env: Host["env"]): string | undefined {
  const current = valueAt(dockerConfig(env), ["currentContext"]);
  return typeof current === "string" ? current : undefined;
}

/** A context as the docker command keeps it: contexts/meta/<sha256 of the name>/meta.json (docker/cli, cli/context/store). */
function contextIn(folder: string, name: string): EngineAddress | undefined {
  const id = sha256(name);
  const meta = parsedJson(textNow(join(folder, "contexts/meta", id, "meta.json")));
  const endpoint = valueAt(meta, ["Endpoints", "docker"]);
  const url = valueAt(endpoint, ["Host"]);
  if (typeof url !== "string" || url === "") return undefined;
  const certificates = join(folder, "contexts/tls", id, "docker");
  return {
    url,
    source: `the docker context ${name}`,
    skipVerify: valueAt(endpoint, ["SkipTLSVerify"]) === true,
    certificates: existsSync(certificates) ? certificates : undefined,
  };
}
