import { Failure } from "../support/errors";
import { isLoopback } from "../support/network/loopback";

/** An image's full name. */
export interface ImageReference {
  /** Registry host with port, e.g. docker.io or ghcr.io */
  readonly registry: string;
  /** Path on the registry, e.g. library/debian */
  readonly path: string;
  /** Canonical repository: registry/path */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const PATH = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/u;
const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?$/u;
const TAG = /^\w[\w.-]{0,127}$/u;
const DIGEST = /^sha256:[0-9a-f]{64}$/u;

/**
 * Parses an image name like Docker: "debian" is docker.io/library/debian; the part before the first slash is a registry if it has a dot, a
 * port, or is localhost; index.docker.io is docker.io. Grammar of distribution/reference.
 * @throws Failure BAD_IMAGE_NAME (exit 2)
 */
export function parseImageReference(text: string): ImageReference {
  const [named = "", digest, ...more] = text.split("@");
  const slash = named.lastIndexOf("/");
  const colon = named.indexOf(":", slash + 1);
  const name = colon === -1 ? named : named.slice(0, colon);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  const first = name.slice(0, Math.max(0, name.indexOf("/")));
  const hasHost = first === "localhost" || /[.:]/u.test(first);
  const registry = hasHost && first !== "index.docker.io" ? first : "docker.io";
  const rest = hasHost ? name.slice(first.length + 1) : name;
  const path = registry === "docker.io" && !rest.includes("/") ? `library/${rest}` : rest;
  const fault =
    more.length > 0
      ? "it has more than one @"
      : !HOST.test(registry) || !URL.canParse(`https://${registry}`)
        ? `"${registry}" is not a registry host`
        : !PATH.test(path)
          ? `"${rest}" is not a repository path (lower-case letters, digits, and . _ - between them)`
          : tag !== undefined && !TAG.test(tag)
            ? `"${tag}" is not a tag`
            : digest !== undefined && !DIGEST.test(digest)
              ? `"${digest}" is not a sha256 digest`
              : undefined;
  if (fault !== undefined) {
    throw new Failure({
      code: "BAD_IMAGE_NAME",
      kind: "usage",
      message: `"${text}" does not name an image: ${fault}.`,
      hint: "Write it in full, like docker.io/library/debian:bookworm-slim.",
    });
  }
  return { registry, path, repository: `${registry}/${path}`, tag, digest };
}

/** Whether Blaxel imports an image from a registry: its name has a host with a dot. Blaxel's own images have none (sandbox/NAME:TAG). */
export function isOfRegistry(image: string): boolean {
  return /^[^/]*\.[^/]*\//u.test(image);
}

/**
 * The API of the registry that serves a repository. A mirror prefix ("127.0.0.1:5000/", "mirror.example.com/proxy/") precedes the canonical
 * name; what follows its host is path. docker.io's API is at registry-1.docker.io. Plain http on loopback only.
 * @returns its host with port, by which credentials are looked up; its base, e.g. https://registry-1.docker.io/v2/library/debian; and the
 * path in token requests
 */
export function registryEndpoint(reference: ImageReference, mirror?: string) {
  const full = `${mirror ?? ""}${reference.repository}`;
  const slash = full.indexOf("/");
  const named = full.slice(0, slash);
  const path = full.slice(slash + 1);
  const host = named === "docker.io" ? "registry-1.docker.io" : named;
  const scheme = isLoopback(host.replace(/:\d+$/u, "")) ? "http" : "https";
  return { host, base: `${scheme}://${host}/v2/${path}`, path };
}
