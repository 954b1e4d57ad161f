import { digestOf, hexOf } from "../support/text/digest";
import type { Downloads } from "../support/network/downloads";
import type { Host } from "../support/host";
import { openRepository, type Repository } from "./client";
import { imageNotFound, unexpectedAnswer, wrongBytes } from "./failures";
import { MANIFEST_TYPES, parseConfig, singleImage } from "./manifest";
import { readManifest } from "./read-manifest";
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
  const repository = openRepository(host, image, { ...options, actions: "pull" });
  const { downloads } = options;
  const name = `${reference.repository}:${tag}`;
  const top =
    reference.digest === undefined
      ? await readManifest(repository, tag)
      : {
          digest: reference.digest,
          body: await fetched(repository, downloads, "manifests", reference.digest, name),
        };
  if (top === undefined) throw imageNotFound(name, repository.registry);
  const { bytes, config: configDigest } = await singleImage(top.body, image, (digest) =>
    fetched(repository, downloads, "manifests", digest, `the linux/amd64 manifest of ${image}`),
  );
  const config = await fetched(repository, downloads, "blobs", configDigest, `the config of ${image}`);
  return {
    repository: reference.repository,
    tag,
    digest: top.digest,
    platformDigest: digestOf(bytes),
    createdAt: parseConfig(config, image).createdAt,
  };
}

/**
 * The content of a digest from the downloads folder, else from the registry; always checked.
 * @param what its name in messages
 * @throws Failure IMAGE_NOT_FOUND, IMAGE_FORMAT, REGISTRY_WRONG_BYTES (exit 4), those of the repository
 */
async function fetched(
  { get, reference, registry }: Repository,
  downloads: Downloads,
  kind: "manifests" | "blobs",
  digest: string,
  what: string,
): Promise<Uint8Array> {
  const here = await downloads.bytes(hexOf(digest));
  if (here !== undefined) return here;
  const answer = await get(`${kind}/${digest}`, kind === "manifests" ? MANIFEST_TYPES : "*/*");
  if (answer.status === 404) throw imageNotFound(`${reference.repository}@${digest}`, registry);
  if (answer.status !== 200) throw unexpectedAnswer(registry, what, answer);
  const got = digestOf(answer.body);
  if (got !== digest) throw wrongBytes(what.charAt(0).toUpperCase() + what.slice(1), digest, got);
  await downloads.keep(answer.body);
  return answer.body;
}
