import { streamMessages, engineStatus, type Engine } from "../docker/room";
import { imageReference } from "../lock/lock";
import type { RenderedTemplate } from "../render/rendered";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";

/**
 * Fetches the images a build starts from before it starts (a build through the API has no credentials of its own). An
 * image that is there by digest is not asked for again.
 * @throws Failure BASE_UNAVAILABLE (exit 5)
 */
export async function pullBases(host: Host, engine: Engine, rendered: RenderedTemplate, mirror: string): Promise<void> {
  const { base, sandboxApi } = rendered.lock;
  await Promise.all(
    [base, sandboxApi].map(async (locked) => {
      const reference = `${mirror}${locked.repository}@${locked.digest}`;
      if (await isThere(engine, reference)) return;
      try {
        const stream = (await engine.docker.pull(reference, { platform: "linux/amd64" })) as NodeJS.ReadableStream;
        for await (const message of streamMessages(stream, 300_000, host.signal)) void message;
      } catch (error) {
        host.signal.throwIfAborted();
        throw new Failure({
          code: "BASE_UNAVAILABLE",
          kind: "build",
          template: rendered.template,
          message: `The image ${mirror}${imageReference(locked)} could not be fetched: ${messageOf(error)}`,
          hint: "Check the engine's network and the mirror in upstream.toml.",
          cause: error,
        });
      }
    }),
  );
}

async function isThere(engine: Engine, reference: string): Promise<boolean> {
  try {
    await engine.docker.getImage(reference).inspect();
    return true;
  } catch (error) {
    if (engineStatus(error) === 404) return false;
    throw error;
  }
}
