import type { Engine } from "../docker/index";
import { imageReference, imagesOf, type LockedImage } from "../lock/lock";
import { withLogin, type LoginRequest } from "../registry/credentials";
import type { RenderedTemplate } from "../render/rendered";
import { causeOf, Failure, messageOf, onTemplate } from "../support/errors";
import type { Host } from "../support/host";

/** An image's reference by digest, as it is on the engine after a pull through the mirror. */
export function pulledReference(mirror: string, image: LockedImage): string {
  return `${mirror}${image.repository}@${image.digest}`;
}

/**
 * Pulls the base images of a build before it starts (a build through the API has no credentials). Skips images that are present by digest.
 * @throws Failure BASE_UNAVAILABLE (exit 5), ENGINE_GONE (exit 3)
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
      try {
        await withLogin(host, loginFor(reference, mirror), `${reference} was fetched`, (login) =>
          engine.pull({ reference, login }),
        );
      } catch (error) {
        host.signal.throwIfAborted();
        // A lost engine says nothing about the image.
        await engine.image(reference);
        if (error instanceof Failure && error.code === "CREDENTIAL_HELPER")
          throw onTemplate(error, rendered.template);
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

function loginFor(reference: string, mirror: string): LoginRequest {
  const [registry = "", ...rest] = (reference.split("@", 1)[0] ?? "").split("/");
  return { registry, path: rest.join("/"), mirrorHost: mirror === "" ? undefined : registry };
}
