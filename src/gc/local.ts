import { INPUTS_LABEL } from "../build/index";
import { connectEngine, type Engine } from "../docker/index";
import { configDigestOf } from "../docker/saved-image/index";
import type { Manifest, ManifestEntry } from "../manifest/entry";
import { Failure, messageOf } from "../support/errors";
import { RUN_LABEL, type Host } from "../support/host";
import type { Removal } from "./removal";

/** A container of a run that is older than this was left behind: no run takes so long, in ms. */
const LEFTOVER_MS = 3_600_000;

/** What can be removed from the local engine, or why it could not be checked. */
export interface LocalFindings {
  readonly removals: readonly Removal[];
  readonly notLookedAt?: string;
}

/** Local images that no kept version was made from, what builds and runs left; only what carries our label. */
export async function localRemovals(
  host: Host,
  manifest: Manifest,
  kept: readonly ManifestEntry[],
): Promise<LocalFindings> {
  let engine: Engine;
  try {
    engine = await connectEngine(host);
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
  // One after the other: an engine whose ids are its own has the image read.
  for (const { id: name, tags, labels } of images) {
    const inputs = labels[INPUTS_LABEL] ?? "";
    const isTagged = tags.length > 0;
    // Of those that this manifest knows nothing of, a tagged one may be another checkout's.
    if (isTagged && (!known.has(inputs) || keptInputs.has(inputs))) continue;
    const configDigest = known.has(inputs)
      ? await configDigestOf(host, engine, { id: name, reference: name })
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
    // A younger one may belong to a release that is under way at this moment.
    .filter((container) => host.clock.now() - container.createdAtMs > LEFTOVER_MS)
    .map((container): Removal => ({
      what: "leftover container",
      name: container.id,
      why: "leftover of a killed run",
      remove: async (name) => {
        await engine.removeContainer(name);
        return undefined;
      },
    }));
  // Containers first: an image that one of them uses cannot go.
  return { removals: [...ofContainers, ...ofImages] };
}

async function removeImage(engine: Engine, name: string): Promise<string | undefined> {
  if (await engine.removeImage(name)) return undefined;
  return (await engine.image(name)) === undefined ? undefined : "a container uses it";
}
