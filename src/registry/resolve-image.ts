import { digestOf } from "../support/digest";
import type { Downloads } from "../support/downloads";
import type { Host } from "../support/host";
import { byDigest, MANIFEST_LIMIT } from "./by-digest";
import { openRepository, type RepositoryClient } from "./client";
import { imageNotFound, unexpectedAnswer, wrongBytes } from "./failures";
import { MANIFEST_TYPES, parseConfig, singleImage } from "./manifest";
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
  const tag = reference.tag ?? "latest";
  const client = openRepository(host, reference, options);
  const top = await namedManifest(client, `${reference.repository}:${tag}`, tag, reference.digest);
  const { bytes, config: configDigest } = await singleImage(top.bytes, image, (digest) =>
    byDigest(client, `manifests/${digest}`, digest, `the linux/amd64 manifest of ${image}`),
  );
  const config = await byDigest(client, `blobs/${configDigest}`, configDigest, `the config of ${image}`);
  return {
    repository: reference.repository,
    tag,
    digest: top.digest,
    platformDigest: digestOf(bytes),
    createdAt: parseConfig(config, image).createdAt,
  };
}

interface NamedBytes {
  readonly bytes: Uint8Array;
  readonly digest: string;
}

/** A manifest by tag (or by the digest in the image's name), checked against the digest that the registry announces. */
async function namedManifest(
  client: RepositoryClient,
  image: string,
  tag: string,
  pinned: string | undefined,
): Promise<NamedBytes> {
  if (pinned !== undefined)
    return { bytes: await byDigest(client, `manifests/${pinned}`, pinned, image), digest: pinned };
  const answer = await client.get(`manifests/${tag}`, MANIFEST_TYPES, MANIFEST_LIMIT);
  if (answer.status === 404) throw imageNotFound(image, client.registry);
  if (answer.status !== 200) throw unexpectedAnswer(client.registry, image, answer);
  const digest = digestOf(answer.body);
  const announced = answer.headers.get("docker-content-digest");
  if (announced?.startsWith("sha256:") === true && announced !== digest)
    throw wrongBytes(`The manifest of ${image}`, announced, digest);
  return { bytes: answer.body, digest };
}
