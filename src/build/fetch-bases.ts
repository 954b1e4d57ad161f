import type { Engine } from "../docker/index";
import { imageReference, imagesOf, type LockedImage } from "../lock/lock";
import { credentialsFor } from "../registry/credentials";
import type { RenderedTemplate } from "../render/rendered";
import { causeOf, Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";

/** The platform every template is built for. */
export const PLATFORM = "linux/amd64";

/** An image by digest, as the engine keeps it when it was pulled through the mirror. */
export function pulledReference(mirror: string, image: LockedImage): string {
  return `${mirror}${image.repository}@${image.digest}`;
}

/**
 * Fetches the images a build starts from before it starts (a build through the API has no credentials of its own). An
 * image that is there by digest is not asked for again.
 * @throws Failure BASE_UNAVAILABLE (exit 5)
 */
export async function pullBases(
  host: Host,
  engine: Engine,
  rendered: RenderedTemplate,
  mirror: string,
): Promise<void> {
  await Promise.all(
    imagesOf(rendered.lock).map(async ([, locked]) => {
      const reference = pulledReference(mirror, locked);
      if ((await engine.image(reference)) !== undefined) return;
      const registry = reference.split("/", 1)[0] ?? "";
      const mirrorHost = mirror === "" ? undefined : registry;
      const login = await credentialsFor(
        host,
        registry === "docker.io" ? "registry-1.docker.io" : registry,
        mirrorHost,
      );
      try {
        await engine.pull({ reference, platform: PLATFORM, login, signal: host.signal });
      } catch (error) {
        host.signal.throwIfAborted();
        throw new Failure({
          code: "BASE_UNAVAILABLE",
          kind: "build",
          template: rendered.template,
          message: `The image ${mirror}${imageReference(locked)} could not be fetched: ${causeOf(error) ?? messageOf(error)}`,
          hint: "Check the engine's network, docker login, and the mirror in upstream.toml.",
          cause: error,
        });
      }
    }),
  );
}
