import { INPUTS_LABEL } from "../build/index";
import type { Engine } from "../docker/index";
import { configDigestOf } from "../docker/saved-image/index";
import type { Manifest, ManifestEntry } from "../manifest/entry";
import { Failure, messageOf } from "../support/errors";
import type { Run } from "../release/run";
import { RUN_LABEL } from "../support/host";
import type { Removal } from "./removal";

/** A run's container older than this is a leftover, because no run takes so long, in ms. */
const LEFTOVER_MS = 3_600_000;

/** What can be removed from the local engine, or why it could not be checked. */
export interface LocalFindings {
  readonly removals: readonly Removal[];
  readonly notLookedAt?: string;
}

/** Local images of no kept version, and leftovers of builds and runs; only objects with our label. */
export async function localRemovals(
  run: Run,
  manifest: Manifest,
  kept: readonly ManifestEntry[],
): Promise<LocalFindings> {
  let engine: Engine;
  try {
    engine = await run.engine();
  } catch (error) {
    if (error instanceof Failure && error.kind === "environment")
      return { removals: [], notLookedAt: messageOf(error) };
    throw error;
  }
  const [images, containers] = await Promise.all([
    engine.images([INPUTS_LABEL]),
    engine.containers([RUN_LABEL]),
  ]);
  const keptInputs = new Set(kept.map((entry) => entry.inputsDigest));
  const keptIds = new Set(kept.map((entry) => entry.image.id));
  const known = new Set(Object.values(manifest.versions).map((entry) => entry.inputsDigest));
  const remove = (name: string): Promise<string | undefined> => removeImage(engine, name);
  const ofImages: Removal[] = [];
  // In sequence: with some engines the image has to be read.
  for (const { id: name, tags, labels } of images) {
    const inputs = labels[INPUTS_LABEL] ?? "";
    const isTagged = tags.length > 0;
    // A tagged image that this manifest does not know may belong to another checkout.
    if (isTagged && (!known.has(inputs) || keptInputs.has(inputs))) continue;
    const configDigest = known.has(inputs)
      ? await configDigestOf(engine, { id: name, reference: name })
      : undefined;
    if (configDigest !== undefined && keptIds.has(configDigest)) continue;
    if (!isTagged) {
      ofImages.push({ what: "local image", name, why: "untagged leftover of a build", remove });
      continue;
    }
    const entry = Object.values(manifest.versions).find(({ image }) => image.id === configDigest);
    const id = entry === undefined ? {} : { id: entry.id };
    const why = "its version is not kept";
    ofImages.push(...tags.map((tag) => ({ what: "local image" as const, name: tag, why, ...id, remove })));
  }
  const ofContainers = containers
    // A younger one may belong to a running release.
    .filter((container) => run.host.clock.now() - container.createdAtMs > LEFTOVER_MS)
    .map((container): Removal => ({
      what: "leftover container",
      name: container.id,
      why: "leftover of a killed run",
      remove: async (name) => {
        await engine.removeContainer(name);
        return undefined;
      },
    }));
  // Containers first, because an image in use cannot be removed.
  return { removals: [...ofContainers, ...ofImages] };
}

async function removeImage(engine: Engine, name: string): Promise<string | undefined> {
  if (await engine.removeImage(name)) return undefined;
  return (await engine.image(name)) === undefined ? undefined : "a container uses it";
}
