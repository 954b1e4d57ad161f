import type { Host } from "../support/host";
import { Failure, unlessFailed } from "../support/errors";
import type { HttpAnswer } from "../support/network/http";
import { openRepository } from "./client";
import { credentialsFor, fromEnvironment, HUB, type Login, type PasswordLogin } from "./credentials";
import { pushRefused, statusOf } from "./failures";
import { heldImage } from "./resolve-image";
import { isOfRegistry, parseImageReference, registryEndpoint } from "./reference";

/**
 * Checks that this machine's login may push to a repository, by starting and cancelling an upload. A refused engine would retry for a
 * minute before it reports that.
 * @param repository registry/path
 * @returns the login to push with; undefined: none is needed
 * @throws Failure PUSH_REFUSED, CREDENTIAL_HELPER, REGISTRY_UNREACHABLE (exit 3)
 */
export async function loginToPush(host: Host, repository: string): Promise<Login | undefined> {
  const { request, registry, path } = openRepository(host, repository, { actions: "pull,push" });
  let answer: HttpAnswer;
  try {
    answer = await request("blobs/uploads/", { method: "POST" });
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "REGISTRY_REFUSED") throw error;
    throw pushRefused(registry, repository, "it refuses access", [error.message]);
  }
  if (answer.status !== 202) throw pushRefused(registry, repository, `it answers ${statusOf(answer)}`);
  const location = answer.headers.get("location") ?? "";
  // A failure is harmless: registries drop unfinished uploads.
  if (URL.canParse(location, answer.url) && new URL(location, answer.url).host === new URL(answer.url).host)
    await request(new URL(location, answer.url).href, { method: "DELETE" }).catch(() => undefined);
  return credentialsFor(host, { registry, path });
}

/** Names and secrets of logins that a registry or cloud issues for a few hours only. */
function isShortLived({ username, password }: PasswordLogin): boolean {
  return (
    username === "AWS" ||
    username === "oauth2accesstoken" ||
    password.startsWith("ghs_") ||
    /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/u.test(password)
  );
}

/**
 * The login that somebody else (Blaxel) needs to read an image, as a Docker config.json with only this registry.
 * @param always return it even if the image is public
 * @returns undefined for a public image, or one of Blaxel's own
 * @throws Failure IMPORT_LOGIN (exit 3) without a login that can be passed on
 */
export async function loginToImport(
  host: Host,
  image: string,
  { always }: { readonly always: boolean } = { always: false },
): Promise<string | undefined> {
  if (!isOfRegistry(image) || (!always && (await isPublic(host, image)))) return undefined;
  const reference = parseImageReference(image);
  const { registry, path, repository } = reference;
  const login = await credentialsFor(host, { registry: registryEndpoint(reference).host, path });
  if (login === undefined || !("password" in login)) {
    const what =
      login === undefined
        ? "this machine has no login to it"
        : "this machine's login is a token that only this machine can exchange (docker login through a browser)";
    throw new Failure({
      code: "IMPORT_LOGIN",
      kind: "environment",
      message: `Blaxel cannot import from ${repository}: it is not public, and ${what}.`,
      hint: `Blaxel needs a user name and a password: log in with an access token that may read the repository (docker login -u USER --password-stdin ${registry}), or make the repository public.`,
    });
  }
  if (isShortLived(login))
    host.emit({
      type: "warning",
      message: `The login to ${registry} that Blaxel gets expires within hours: Blaxel may not be able to import ${repository} again later. Use a long-lived, read-only access token.`,
    });
  return configWith(host, registry, login);
}

/**
 * The login of this program's own variables to an image's registry, for a program that knows only Docker's: a config.json with only this
 * registry. undefined without one.
 */
export function loginOfVariables(host: Host, image: string): string | undefined {
  const reference = parseImageReference(image);
  const login = fromEnvironment(host.env, { registry: registryEndpoint(reference).host });
  return login && configWith(host, reference.registry, login);
}

function configWith(host: Host, registry: string, { username, password }: PasswordLogin): string {
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  host.redact.add(auth);
  // Docker's own name of Docker Hub comes first: not every client knows another one (go-containerregistry, pkg/authn/keychain.go).
  const names = registry === "docker.io" ? [HUB, registry] : [registry];
  return JSON.stringify({ auths: Object.fromEntries(names.map((name) => [name, { auth }])) });
}

async function isPublic(host: Host, image: string): Promise<boolean> {
  const shown = await unlessFailed("REGISTRY_REFUSED", heldImage(host, image, { anonymous: true }));
  return shown !== undefined;
}
