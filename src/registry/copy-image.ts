import type { Host } from "../support/host";
import { byDigest } from "./by-digest";
import { openRepository } from "./client";
import { unusableImage } from "./failures";
import { parseManifest } from "./manifest";
import { nameInLayout, putBlob } from "./oci-layout";
import { parseImageReference } from "./reference";
import type { RegistryOptions, ResolvedImage } from "./resolve-image";

const LAYER_LIMIT = 4 * 1024 * 1024 * 1024;

/**
 * Copies a resolved image (the list, its linux/amd64 image, config and layers) into an OCI image layout, under its canonical name with
 * tag. Every byte is held against the digest that names it. Failures as in resolveImage.
 */
export async function copyImage(
  host: Host,
  image: Pick<ResolvedImage, "repository" | "tag" | "digest" | "platformDigest">,
  options: RegistryOptions,
  folder: string,
): Promise<void> {
  const name = `${image.repository}:${image.tag}`;
  const client = openRepository(host, parseImageReference(name), options);
  const top = await byDigest(client, `manifests/${image.digest}`, image.digest, name);
  const platform =
    image.digest === image.platformDigest
      ? top
      : await byDigest(
          client,
          `manifests/${image.platformDigest}`,
          image.platformDigest,
          `the linux/amd64 manifest of ${name}`,
        );
  const manifest = parseManifest(platform, name);
  if (manifest.kind !== "image")
    throw unusableImage("IMAGE_FORMAT", `${name} is a list that holds another list.`);
  for (const digest of [manifest.config, ...manifest.layers]) {
    await putBlob(
      folder,
      await byDigest(client, `blobs/${digest}`, digest, `a layer of ${name}`, LAYER_LIMIT),
    );
  }
  await putBlob(folder, platform);
  await nameInLayout(folder, name, top);
}
