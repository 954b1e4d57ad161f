import { refusal } from "../support/errors";
import { digestOf, hexOf } from "../support/text/digest";
import type { Downloads } from "../support/network/downloads";
import type { Host } from "../support/host";
import { openRepository, type RepositoryOptions } from "./client";
import { imageNotFound } from "./failures";
import { parseConfig, singleImage } from "./manifest";
import { readContent, readManifest } from "./read-content";
import { parseImageReference } from "./reference";

/** What a tag points at, with every byte checked. */
export interface ResolvedImage {
  /** Canonical repository with registry host. */
  readonly repository: string;
  readonly tag: string;
  /** What the tag points at: the list if there is one. */
  readonly digest: string;
  /** The linux/amd64 image's own manifest. */
  readonly platformDigest: string;
  /** Creation time in the image (ISO, UTC). */
  readonly createdAt: string | undefined;
}

export interface RegistryOptions {
  /** Prefix put before the canonical name, e.g. "127.0.0.1:5000/". */
  readonly mirror?: string | undefined;
  readonly downloads: Downloads;
}

/**
 * Resolves an image's tag (a digest in the name must match). Fetches the list, if there is one, the linux/amd64 manifest and its
 * config; each is checked against its digest.
 * @throws Failure REGISTRY_UNREACHABLE, REGISTRY_REFUSED (exit 3); IMAGE_NOT_FOUND, IMAGE_PLATFORM_MISSING, IMAGE_FORMAT,
 * REGISTRY_WRONG_BYTES (exit 4)
 */
export async function resolveImage(
  host: Host,
  image: string,
  options: RegistryOptions,
): Promise<ResolvedImage> {
  const reference = parseImageReference(image);
  const { repository: name, tag = "latest" } = reference;
  const repository = openRepository(host, image, { ...options, actions: "pull" });
  /** The content of a digest from the downloads folder, else from the registry. */
  const read = async (kind: "manifests" | "blobs", digest: string, what: string): Promise<Uint8Array> => {
    const here = await options.downloads.bytes(hexOf(digest));
    if (here !== undefined) return here;
    const found = await readContent(repository, `${kind}/${digest}`, what);
    if (found === undefined) throw imageNotFound(repository, `@${digest}`);
    await options.downloads.keep(found.body);
    return found.body;
  };
  const { digest: named } = reference;
  const top =
    named === undefined
      ? await readManifest(repository, tag)
      : { digest: named, body: await read("manifests", named, `${name}:${tag}`) };
  if (top === undefined) throw imageNotFound(repository, `:${tag}`);
  const { bytes, config } = await singleImage(top.body, image, (digest) =>
    read("manifests", digest, `the linux/amd64 manifest of ${image}`),
  );
  const configBytes = await read("blobs", config, `the config of ${image}`);
  return {
    repository: name,
    tag,
    digest: top.digest,
    platformDigest: digestOf(bytes),
    createdAt: parseConfig(configBytes, image).createdAt,
  };
}

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
  options: Pick<RepositoryOptions, "anonymous"> = {},
): Promise<HeldImage | undefined> {
  const repository = openRepository(host, image, { ...options, actions: "pull" });
  const { registry, reference } = repository;
  const top = await readManifest(repository, reference.digest ?? reference.tag ?? "latest");
  if (top === undefined) return undefined;
  const { config } = await singleImage(top.body, image, async (digest) => {
    const below = await readManifest(repository, digest);
    if (below !== undefined) return below.body;
    throw refusal("IMAGE_FORMAT", `${image} is a list whose linux/amd64 image ${registry} does not have.`);
  });
  return { digest: top.digest, config };
}
