import type { Host } from "../support/host";
import { digestOf } from "../support/digest";
import { Failure } from "../support/errors";
import { Unreachable, type HttpAnswer, type HttpRequest } from "../support/http";
import { MANIFEST_LIMIT } from "./by-digest";
import { authorisedAsk, refusalOf, type AskOptions } from "./client";
import { credentialsFor, type Login } from "./credentials";
import {
  pushRefused,
  registryRefused,
  registryUnreachable,
  unexpectedAnswer,
  unusableImage,
  wrongBytes,
} from "./failures";
import { MANIFEST_TYPES, singleImage } from "./manifest";
import { isOfRegistry, parseImageReference, registryEndpoint, type ImageReference } from "./reference";

const TIMEOUT_MS = 60_000;

/** An image in a registry at this moment. */
export interface HeldImage {
  /** Of its manifest (or list), computed from the registry's bytes. */
  readonly digest: string;
  /** Of its config, which is the image's id on an engine. */
  readonly config: string;
}

/**
 * The current image of a tag or digest in a registry. Uses no cache, and checks all bytes against their digests.
 * @param image registry/path:tag or registry/path@sha256:…
 * @returns undefined if there is no such image
 * @throws Failure REGISTRY_REFUSED, REGISTRY_UNREACHABLE (exit 3), REGISTRY_WRONG_BYTES, IMAGE_FORMAT (exit 4)
 */
export async function heldImage(
  host: Host,
  image: string,
  options: Pick<AskOptions, "anonymous"> = {},
): Promise<HeldImage | undefined> {
  const repository = uncachedRepository(host, image, { ...options, actions: "pull" });
  const { registry, reference } = repository;
  const top = await readManifest(repository, reference.digest ?? reference.tag ?? "latest");
  if (top === undefined) return undefined;
  const { config } = await singleImage(top.body, image, async (digest) => {
    const below = await readManifest(repository, digest);
    if (below !== undefined) return below.body;
    throw unusableImage(
      "IMAGE_FORMAT",
      `${image} is a list whose linux/amd64 image ${registry} does not have.`,
    );
  });
  return { digest: top.digest, config };
}

/** A manifest by tag or digest, checked; undefined if there is none. Failures as in heldImage. */
export async function readManifest(
  { request, registry, reference: { repository } }: UncachedRepository,
  name: string,
): Promise<{ readonly digest: string; readonly body: Uint8Array } | undefined> {
  const answer = await request(`manifests/${name}`, { headers: { accept: MANIFEST_TYPES } });
  const what = `the manifest of ${repository}${name.startsWith("sha256:") ? "@" : ":"}${name}`;
  if (answer.status === 404) return undefined;
  if (answer.status === 401 || answer.status === 403)
    throw registryRefused(registry, repository, refusalOf(answer));
  if (answer.status !== 200) throw unexpectedAnswer(registry, what, answer);
  const digest = digestOf(answer.body);
  for (const named of [answer.headers.get("docker-content-digest"), name])
    if (named?.startsWith("sha256:") === true && named !== digest)
      throw wrongBytes(`The${what.slice(3)}`, named, digest);
  return { digest, body: answer.body };
}

/**
 * Checks that this machine's login may push to a repository, by starting and cancelling an upload. A refused engine would retry for a
 * minute before it reports that.
 * @param repository registry/path
 * @returns the login to push with; undefined: none is needed
 * @throws Failure PUSH_REFUSED, CREDENTIAL_HELPER, REGISTRY_UNREACHABLE (exit 3)
 */
export async function loginToPush(host: Host, repository: string): Promise<Login | undefined> {
  const { request, registry, path } = uncachedRepository(host, repository, { actions: "pull,push" });
  let answer: HttpAnswer;
  try {
    answer = await request("blobs/uploads/", { method: "POST" });
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "REGISTRY_REFUSED") throw error;
    throw pushRefused(registry, repository, "it refuses access", [error.message]);
  }
  if (answer.status !== 202) throw pushRefused(registry, repository, refusalOf(answer));
  const location = answer.headers.get("location") ?? "";
  // A failure is harmless: registries drop unfinished uploads.
  if (URL.canParse(location, answer.url) && new URL(location, answer.url).host === new URL(answer.url).host)
    await request(new URL(location, answer.url).href, { method: "DELETE" }).catch(() => undefined);
  return credentialsFor(host, { registry, path });
}

/** One repository of a registry, without a cache. */
export interface UncachedRepository {
  /** The registry's host. */
  readonly registry: string;
  readonly path: string;
  readonly reference: ImageReference;
  /** Sends a request below /v2/<repository>/, or to an absolute URL; only the registry gets the login. */
  readonly request: (
    path: string,
    request?: Omit<Partial<HttpRequest>, "url" | "timeoutMs">,
  ) => Promise<HttpAnswer>;
}

export function uncachedRepository(host: Host, image: string, options: AskOptions): UncachedRepository {
  const reference = parseImageReference(image);
  const endpoint = registryEndpoint(reference);
  const asks = authorisedAsk(host, reference, options);
  const request: UncachedRepository["request"] = async (path, more = {}) => {
    const url = path.includes("://") ? path : `${endpoint.base}/${path}`;
    try {
      return await asks({ limitBytes: MANIFEST_LIMIT, ...more, url, timeoutMs: TIMEOUT_MS });
    } catch (error) {
      if (error instanceof Unreachable) throw registryUnreachable(endpoint.host, error, host.clock.now());
      throw error;
    }
  };
  return { request, reference, registry: endpoint.host, path: endpoint.path };
}

/** Names and secrets of logins that a registry or cloud issues for a few hours only. */
function isShortLived({
  username,
  password,
}: {
  readonly username: string;
  readonly password: string;
}): boolean {
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
  const { registry, path, repository } = parseImageReference(image);
  const login = await credentialsFor(host, {
    registry: registryEndpoint(parseImageReference(image)).host,
    path,
  });
  if (login?.kind !== "password") {
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
  const auth = Buffer.from(`${login.username}:${login.password}`).toString("base64");
  host.redact.add(auth);
  return JSON.stringify({ auths: { [registry]: { auth } } });
}

/** Whether an image can be read without a login. */
async function isPublic(host: Host, image: string): Promise<boolean> {
  try {
    return (await heldImage(host, image, { anonymous: true })) !== undefined;
  } catch (error) {
    if (error instanceof Failure && error.code === "REGISTRY_REFUSED") return false;
    throw error;
  }
}
