import { dockerConfigFolder, setIn } from "../../support/environment";

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

export interface AddressSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** currentContext of ~/.docker/config.json. */
  readonly currentContext: string | undefined;
  /** Reads a context by name. */
  readonly context: (name: string) => Omit<EngineAddress, "source"> | undefined;
}

/** The named context does not exist. */
export class UnknownContext extends Error {
  constructor(
    readonly context: string,
    readonly source: string,
  ) {
    super(`The docker context "${context}" (${source}) does not exist.`);
  }
}
UnknownContext.prototype.name = "UnknownContext";

/**
 * Where to look for an engine, in the docker command's order (docker/cli, cli/command/cli.go): DOCKER_HOST, DOCKER_CONTEXT, the current
 * context of config.json, the default socket. If nothing is chosen, also the sockets of rootless Docker, Docker Desktop and Podman.
 * @throws UnknownContext
 */
export function engineAddresses(sources: AddressSources): readonly EngineAddress[] {
  const { env } = sources;
  const dockerHost = setIn(env, "DOCKER_HOST");
  if (dockerHost !== undefined) return [fromDockerHost(dockerHost, env)];
  const named = setIn(env, "DOCKER_CONTEXT");
  const name = named ?? sources.currentContext;
  if (name === undefined || name === "" || name === "default") return usualSockets(env);
  const found = sources.context(name);
  if (found === undefined)
    throw new UnknownContext(name, named === name ? "DOCKER_CONTEXT" : "the current one");
  return [{ ...found, source: `the docker context ${name}` }];
}

function usualSockets(env: AddressSources["env"]): readonly EngineAddress[] {
  const runtime = setIn(env, "XDG_RUNTIME_DIR");
  const home = setIn(env, "HOME");
  const below = (folder: string | undefined, path: string, source: string): readonly EngineAddress[] =>
    folder === undefined ? [] : [{ url: `unix://${folder}/${path}`, source }];
  return [
    { url: "unix:///var/run/docker.sock", source: "the default socket" },
    ...below(runtime, "docker.sock", "rootless Docker"),
    ...below(home, ".docker/run/docker.sock", "Docker Desktop"),
    ...below(runtime, "podman/podman.sock", "rootless Podman"),
    { url: "unix:///run/podman/podman.sock", source: "Podman" },
  ];
}

function fromDockerHost(text: string, env: AddressSources["env"]): EngineAddress {
  const url = text.includes("://") ? text : `tcp://${text}`;
  const verify = setIn(env, "DOCKER_TLS_VERIFY") !== undefined;
  const tls = verify || setIn(env, "DOCKER_TLS") !== undefined;
  if (!url.startsWith("tcp:") || !tls) return { url, source: "DOCKER_HOST" };
  const certificates = setIn(env, "DOCKER_CERT_PATH") ?? dockerConfigFolder(env);
  return { url, source: "DOCKER_HOST", certificates, skipVerify: !verify };
}
