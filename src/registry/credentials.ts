import { join } from "node:path";
import * as z from "zod/mini";
import { dockerConfigFolder, setIn } from "../support/environment";
import { Failure } from "../support/errors";
import { readIfPresent } from "../support/files/files";
import type { Host } from "../support/host";
import { parsedJson } from "../support/text/parsed-json";
import { askHelper, type Login } from "./credential-helper";

export type { Login } from "./credential-helper";
export type PasswordLogin = Extract<Login, { readonly password: string }>;

/** The registry that needs a login. */
export interface LoginRequest {
  /** Host with port. Docker Hub has several names (docker.io, index.docker.io, registry-1.docker.io); each one stands for all. */
  readonly registry: string;
  /** Path of the repository; Podman stores logins for parts of a registry. */
  readonly path?: string | undefined;
  /** Host of the mirror in upstream.toml. */
  readonly mirrorHost?: string | undefined;
}

const text = z.nullish(z.string());
const entrySchema = z.looseObject({
  auth: text,
  username: text,
  password: text,
  identitytoken: text,
  registrytoken: text,
});
const fileSchema = z.looseObject({
  auths: z.nullish(z.record(z.string(), z.unknown())),
  credsStore: text,
  credHelpers: z.nullish(z.record(z.string(), z.nullable(z.string()))),
});
type LoginFile = z.infer<typeof fileSchema>;

/** Docker Hub in Docker's config.json. */
export const HUB = "https://index.docker.io/v1/";
const HUB_HOSTS = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/**
 * The login for a registry, or undefined. Searches, like the docker command and then Podman: MESA_TEMPLATE_REGISTRY_USERNAME and
 * MESA_TEMPLATE_REGISTRY_PASSWORD for the host MESA_TEMPLATE_REGISTRY (default: the mirror only), DOCKER_AUTH_CONFIG, the file
 * REGISTRY_AUTH_FILE, Docker's config.json, Podman's auth.json. Within a file, a credential helper precedes the file's own logins; one that
 * fails is fatal only if no later file has the login. The secret becomes a secret of this run.
 * @throws Failure CREDENTIAL_HELPER (exit 3)
 */
export async function credentialsFor(host: Host, request: LoginRequest): Promise<Login | undefined> {
  const found = fromEnvironment(host.env, request) ?? (await fromFiles(host, request));
  for (const [name, value] of Object.entries(found ?? {})) if (name !== "username") host.redact.add(value);
  return found;
}

/**
 * Does something with the login for a registry. As for docker, a failing credential helper is fatal only where a login is required: without
 * one it is a warning.
 * @param done for the warning: "REPOSITORY is read"
 * @throws Failure CREDENTIAL_HELPER (exit 3), what `use` throws
 */
export async function withLogin<T>(
  host: Host,
  request: LoginRequest,
  done: string,
  use: (login: Login | undefined) => Promise<T>,
): Promise<T> {
  let helperFailed: Failure;
  try {
    return await use(await credentialsFor(host, request));
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "CREDENTIAL_HELPER") throw error;
    helperFailed = error;
  }
  const result = await use(undefined).catch((error: unknown) => {
    const refused = error instanceof Failure && ["REGISTRY_REFUSED", "PULL_FAILED"].includes(error.code);
    throw refused ? helperFailed : error;
  });
  host.emit({ type: "warning", message: `${helperFailed.message} ${done} without a login.` });
  return result;
}

/** The login of MESA_TEMPLATE_REGISTRY_USERNAME and MESA_TEMPLATE_REGISTRY_PASSWORD, if it is meant for this registry. */
export function fromEnvironment(
  env: Host["env"],
  { registry, mirrorHost }: LoginRequest,
): PasswordLogin | undefined {
  const username = setIn(env, "MESA_TEMPLATE_REGISTRY_USERNAME");
  const password = env["MESA_TEMPLATE_REGISTRY_PASSWORD"];
  if (username === undefined || password === undefined) return undefined;
  const meantFor = setIn(env, "MESA_TEMPLATE_REGISTRY") ?? mirrorHost;
  return meantFor !== undefined && namesOf(registry).includes(hostOfKey(meantFor, false))
    ? { username, password }
    : undefined;
}

async function fromFiles(host: Host, request: LoginRequest): Promise<Login | undefined> {
  let helperFailed: Failure | undefined;
  for (const source of sourcesOf(host.env)) {
    try {
      const found = await loginIn(host, source, await loginFile(host, source), request);
      if (found === undefined) continue;
      if (helperFailed !== undefined)
        host.emit({
          type: "warning",
          message: `${helperFailed.message} The login in ${source.name} is used.`,
        });
      return found;
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== "CREDENTIAL_HELPER") throw error;
      helperFailed ??= error;
    }
  }
  if (helperFailed !== undefined) throw helperFailed;
  return undefined;
}

/** A place that may contain logins: a file's path, or a variable and its text. */
interface LoginSource {
  readonly name: string;
  readonly text?: string | undefined;
  /** Whether it follows Podman's rules. */
  readonly podman: boolean;
}

/** The places that may contain logins, in order (containers-auth.json(5) for Podman's). */
function sourcesOf(env: Host["env"]): readonly LoginSource[] {
  const runtime = setIn(env, "XDG_RUNTIME_DIR");
  const podmans =
    runtime === undefined
      ? `/run/containers/${String(process.getuid?.() ?? "")}`
      : join(runtime, "containers");
  const docker = dockerConfigFolder(env);
  const home = setIn(env, "HOME");
  const config = setIn(env, "XDG_CONFIG_HOME") ?? (home === undefined ? undefined : join(home, ".config"));
  const text = setIn(env, "DOCKER_AUTH_CONFIG");
  const file = (folder: string | undefined, name: string, podman: boolean): readonly LoginSource[] =>
    folder === undefined ? [] : [{ name: join(folder, name), podman }];
  return [
    ...(text === undefined ? [] : [{ name: "DOCKER_AUTH_CONFIG", text, podman: false }]),
    ...file(setIn(env, "REGISTRY_AUTH_FILE"), ".", true),
    ...file(docker, "config.json", false),
    ...file(podmans, "auth.json", true),
    ...file(config, "containers/auth.json", true),
  ];
}

/** An unreadable source gives no login but a warning, because the user may expect one in it; so does the docker command. */
async function loginFile(host: Host, { name, text }: LoginSource): Promise<LoginFile> {
  let content = text;
  try {
    content ??= (await readIfPresent(name))?.toString("utf8");
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // HOME=/dev/null is a usual way to have no home.
    if (error.code !== "ENOTDIR") ignored(host, `${name} is`, error.message);
  }
  if (content === undefined || content.trim() === "") return {};
  const value = parsedJson(content);
  const file = z.safeParse(fileSchema, value);
  if (file.success) return file.data;
  const at = file.error.issues[0]?.path.join(".") ?? "";
  ignored(
    host,
    `${name} is`,
    value === undefined ? "it is not JSON." : `it is not a file of registry logins: ${at}.`,
  );
  return {};
}

function ignored(host: Host, what: string, why: string): void {
  host.emit({ type: "warning", message: `${what} ignored: ${why}` });
}

async function loginIn(
  host: Host,
  { name, podman }: LoginSource,
  file: LoginFile,
  request: LoginRequest,
): Promise<Login | undefined> {
  const names = namesOf(request.registry);
  const server = names[0] ?? request.registry;
  const helpers = file.credHelpers ?? {};
  const key = names.find((each) => Object.hasOwn(helpers, each));
  // An empty helper for a registry excludes it from the credentials store.
  const helper = key === undefined ? file.credsStore : helpers[key];
  if (typeof helper === "string" && helper !== "") {
    const asked = [...new Set([podman ? request.registry : server, key ?? server])];
    for (const each of asked) {
      const found = await askHelper(host, helper, each);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const auths = file.auths ?? {};
  const entryKey = entryKeyFor(auths, request, names, podman);
  const entry = z.safeParse(z.nullable(entrySchema), entryKey === undefined ? null : auths[entryKey]);
  const login = entry.success && entry.data !== null ? loginOf(entry.data) : undefined;
  if (login === undefined && (!entry.success || entry.data?.auth))
    ignored(
      host,
      `In ${name}, the login under "${entryKey ?? ""}" is`,
      "it holds no user name with a password.",
    );
  return login;
}

/** The names of a registry in such files; a helper is asked for the first one. */
function namesOf(registry: string): readonly string[] {
  return HUB_HOSTS.includes(registry) ? [HUB, ...HUB_HOSTS] : [registry];
}

function entryKeyFor(
  auths: Readonly<Record<string, unknown>>,
  { registry, path = "" }: LoginRequest,
  names: readonly string[],
  podman: boolean,
): string | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const hosts = HUB_HOSTS.includes(registry) ? HUB_HOSTS : [registry];
  // Podman's "registry/path" keys apply to that part of the registry, the longest first.
  const spaces = podman ? parts.map((_part, index) => parts.slice(0, parts.length - index).join("/")) : [];
  const exact = [...spaces.flatMap((space) => hosts.map((name) => `${name}/${space}`)), ...names];
  return (
    exact.find((name) => Object.hasOwn(auths, name)) ??
    Object.keys(auths).find((name) => hosts.includes(hostOfKey(name, podman)))
  );
}

/** The host of a key that some version of `docker login` wrote: with a scheme, with a path (docker/cli, ConvertToHostname). */
function hostOfKey(key: string, podman: boolean): string {
  if (!key.includes("://")) return podman ? key : (key.split("/", 1)[0] ?? key);
  return URL.canParse(key) ? new URL(key).host || key.replace(/^[^:]*:\/\//u, "").split("/", 1)[0] || "" : "";
}

function loginOf(entry: z.infer<typeof entrySchema>): Login | undefined {
  if (entry.identitytoken) return { identitytoken: entry.identitytoken };
  if (entry.registrytoken) return { registrytoken: entry.registrytoken };
  const decoded = entry.auth ? Buffer.from(entry.auth, "base64").toString("utf8") : undefined;
  const colon = decoded?.indexOf(":") ?? -1;
  const username = decoded === undefined ? entry.username : decoded.slice(0, Math.max(0, colon));
  const password = decoded === undefined ? entry.password : decoded.slice(colon + 1).replace(/\0+$/u, "");
  if (!username || password === undefined || password === null) return undefined;
  return { username, password };
}
