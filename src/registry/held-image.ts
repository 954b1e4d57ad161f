import type { Host } from "../support/host";
import { readManifest } from "./read-manifest";
import { openRepository, type RepositoryOptions } from "./client";
import { unusableImage } from "./failures";
import { singleImage } from "./manifest";

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
    throw unusableImage(
      "IMAGE_FORMAT",
      `${image} is a list whose linux/amd64 image ${registry} does not have.`,
    );
  });
  return { digest: top.digest, config };
}
