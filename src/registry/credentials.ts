import { join } from "node:path";
import * as z from "zod/mini";
import { dockerConfigFolder, setIn } from "../support/docker-files";
import { readIfPresent } from "../support/files";
import type { Host } from "../support/host";
import { askHelper, type Login } from "./credential-helper";

export type { Login } from "./credential-helper";

/** A login in the engine's format (X-Registry-Auth). */
export type EngineLogin =
  | { readonly username: string; readonly password: string }
  | { readonly identitytoken: string }
  | { readonly registrytoken: string };

export function engineLogin(login: Login): EngineLogin {
  if (login.kind === "password") return { username: login.username, password: login.password };
  return login.kind === "identity" ? { identitytoken: login.token } : { registrytoken: login.token };
}

/** The registry that needs a login. */
export interface LoginRequest {
  /** Host with port. Docker Hub has several names (docker.io, index.docker.io, registry-1.docker.io); each one stands for all. */
  readonly registry: string;
  /** Path of the repository; Podman stores logins for parts of a registry. */
  readonly path?: string | undefined;
  /** Host of the mirror in upstream.toml. */
  readonly mirrorHost?: string | undefined;
}

const entrySchema = z.looseObject({
  auth: z.optional(z.nullable(z.string())),
  username: z.optional(z.nullable(z.string())),
  password: z.optional(z.nullable(z.string())),
  identitytoken: z.optional(z.nullable(z.string())),
  registrytoken: z.optional(z.nullable(z.string())),
});
const fileSchema = z.looseObject({
  auths: z.optional(z.nullable(z.record(z.string(), z.unknown()))),
  credsStore: z.optional(z.nullable(z.string())),
  credHelpers: z.optional(z.nullable(z.record(z.string(), z.string()))),
});
type LoginFile = z.infer<typeof fileSchema>;

const HUB = "https://index.docker.io/v1/";
const HUB_HOSTS = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/**
 * The login for a registry, or undefined. Searches, like the docker command and then Podman: MESA_TEMPLATE_REGISTRY_USERNAME and
 * MESA_TEMPLATE_REGISTRY_PASSWORD for the host MESA_TEMPLATE_REGISTRY (default: the mirror only), DOCKER_AUTH_CONFIG, the file
 * REGISTRY_AUTH_FILE, Docker's config.json, Podman's auth.json. Within a file, a credential helper precedes the file's own logins. The
 * secret becomes a secret of this run.
 * @throws Failure CREDENTIAL_HELPER (exit 3)
 */
export async function credentialsFor(host: Host, request: LoginRequest): Promise<Login | undefined> {
  const found = fromEnvironment(host.env, request) ?? (await fromFiles(host, request));
  if (found !== undefined) host.redact.add(found.kind === "password" ? found.password : found.token);
  return found;
}

function fromEnvironment(env: Host["env"], { registry, mirrorHost }: LoginRequest): Login | undefined {
  const username = setIn(env, "MESA_TEMPLATE_REGISTRY_USERNAME");
  const password = env["MESA_TEMPLATE_REGISTRY_PASSWORD"];
  if (username === undefined || password === undefined) return undefined;
  const meantFor = setIn(env, "MESA_TEMPLATE_REGISTRY") ?? mirrorHost;
  return meantFor !== undefined && namesOf(registry).includes(meantFor)
    ? { kind: "password", username, password }
    : undefined;
}

async function fromFiles(host: Host, request: LoginRequest): Promise<Login | undefined> {
  const { env } = host;
  const inline = setIn(env, "DOCKER_AUTH_CONFIG");
  if (inline !== undefined) {
    const found = await loginIn(host, loginFile(host, inline, "DOCKER_AUTH_CONFIG"), request, false);
    if (found !== undefined) return found;
  }
  for (const { path, podman } of filesOf(env)) {
    const data = await readIfPresent(path);
    if (data === undefined) continue;
    const found = await loginIn(host, loginFile(host, data.toString("utf8"), path), request, podman);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The files that may contain logins, in order (containers-auth.json(5) for Podman's). */
function filesOf(env: Host["env"]): readonly { readonly path: string; readonly podman: boolean }[] {
  const docker = dockerConfigFolder(env);
  const home = setIn(env, "HOME");
  const config = setIn(env, "XDG_CONFIG_HOME") ?? (home === undefined ? undefined : join(home, ".config"));
  const below = (folder: string | undefined): string | undefined =>
    folder === undefined ? undefined : join(folder, "containers/auth.json");
  return [
    { path: setIn(env, "REGISTRY_AUTH_FILE"), podman: true },
    { path: docker === undefined ? undefined : join(docker, "config.json"), podman: false },
    { path: below(setIn(env, "XDG_RUNTIME_DIR")), podman: true },
    { path: below(config), podman: true },
  ].flatMap(({ path, podman }) => (path === undefined ? [] : [{ path, podman }]));
}

/** An unreadable file gives no login but a warning, because the user may expect one in it. */
function loginFile(host: Host, text: string, name: string): LoginFile {
  try {
    return z.parse(fileSchema, JSON.parse(text));
  } catch {
    host.emit({
      type: "warning",
      message: `${name} is not a file of registry logins (invalid JSON); it is ignored.`,
    });
    return {};
  }
}

async function loginIn(
  host: Host,
  file: LoginFile,
  request: LoginRequest,
  podman: boolean,
): Promise<Login | undefined> {
  const names = namesOf(request.registry);
  const server = names[0] ?? request.registry;
  const helpers = file.credHelpers ?? {};
  const key = names.find((name) => Object.hasOwn(helpers, name));
  // An empty helper for a registry excludes it from the credentials store.
  const helper = key === undefined ? file.credsStore : helpers[key];
  if (typeof helper === "string" && helper !== "") {
    const asked = [...new Set([podman ? request.registry : server, key ?? server])];
    for (const name of asked) {
      const found = await askHelper(host, helper, name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const entry = z.safeParse(entrySchema, entryFor(file.auths ?? {}, request, names, podman));
  return entry.success ? loginOf(entry.data) : undefined;
}

/** The names of a registry in such files; a helper is asked for the first one. */
function namesOf(registry: string): readonly string[] {
  return HUB_HOSTS.includes(registry) ? [HUB, ...HUB_HOSTS] : [registry];
}

function entryFor(
  auths: Readonly<Record<string, unknown>>,
  { registry, path = "" }: LoginRequest,
  names: readonly string[],
  podman: boolean,
): unknown {
  const parts = path.split("/").filter((part) => part !== "");
  const hosts = HUB_HOSTS.includes(registry) ? HUB_HOSTS : [registry];
  // Podman's "registry/path" keys apply to that part of the registry, the longest first.
  const spaces = podman ? parts.map((_part, index) => parts.slice(0, parts.length - index).join("/")) : [];
  const exact = [...spaces.flatMap((space) => hosts.map((name) => `${name}/${space}`)), ...names];
  const key =
    exact.find((name) => Object.hasOwn(auths, name)) ??
    Object.keys(auths).find((name) => hosts.includes(hostOfKey(name, podman)));
  return key === undefined ? undefined : auths[key];
}

/** The host of a key that some version of `docker login` wrote: with a scheme, with a path (docker/cli, ConvertToHostname). */
function hostOfKey(key: string, podman: boolean): string {
  if (!key.includes("://")) return podman ? key : (key.split("/", 1)[0] ?? key);
  return URL.canParse(key) ? new URL(key).host || key.replace(/^[^:]*:\/\//u, "").split("/", 1)[0] || "" : "";
}

function loginOf(entry: z.infer<typeof entrySchema>): Login | undefined {
  if (entry.identitytoken) return { kind: "identity", token: entry.identitytoken };
  if (entry.registrytoken) return { kind: "bearer", token: entry.registrytoken };
  const decoded = entry.auth ? Buffer.from(entry.auth, "base64").toString("utf8") : undefined;
  const colon = decoded?.indexOf(":") ?? -1;
  const username = decoded === undefined ? entry.username : decoded.slice(0, Math.max(0, colon));
  const password = decoded === undefined ? entry.password : decoded.slice(colon + 1).replace(/\0+$/u, "");
  if (!username || password === undefined || password === null) return undefined;
  return { kind: "password", username, password };
}
