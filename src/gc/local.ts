import { INPUTS_LABEL } from "../build/index";
import type { Engine } from "../docker/index";
import { configDigestOf } from "../docker/saved-image/index";
import type { Manifest, ManifestEntry } from "../manifest/entry";
import { PROCESS_LABEL, type Host } from "../support/host";
import type { Removal, Remove } from "./removal";

/** A run's container older than this is a leftover, because no run takes so long, in ms. */
const LEFTOVER_MS = 3_600_000;

/** Local images of no kept version, and leftovers of builds and runs; only objects with our label. */
export async function localRemovals(
  host: Host,
  engine: Engine,
  manifest: Manifest,
  kept: readonly ManifestEntry[],
): Promise<readonly Removal[]> {
  const [images, containers] = await Promise.all([
    engine.images([INPUTS_LABEL]),
    // A container that a user starts has the other labels, too: those of its image.
    engine.containers([PROCESS_LABEL]),
  ]);
  const keptInputs = new Set(kept.map((entry) => entry.inputsDigest));
  const keptIds = new Set(kept.map((entry) => entry.image.id));
  const known = new Set(Object.values(manifest.versions).map((entry) => entry.inputsDigest));
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
      ofImages.push({ what: "local image", name, why: "untagged leftover of a build" });
      continue;
    }
    const entry = Object.values(manifest.versions).find(({ image }) => image.id === configDigest);
    const id = entry === undefined ? {} : { id: entry.id };
    const why = "its version is not kept";
    ofImages.push(...tags.map((tag) => ({ what: "local image" as const, name: tag, why, ...id })));
  }
  const ofContainers = containers
    // A younger one may belong to a running release.
    .filter((container) => host.clock.now() - container.createdAtMs > LEFTOVER_MS)
    .map(({ id: name }): Removal => ({ what: "leftover container", name, why: "leftover of a killed run" }));
  // Containers first, because an image in use cannot be removed.
  return [...ofContainers, ...ofImages];
}

/** What removes them. */
export function removeFrom(engine: Engine): Remove {
  return async ({ what, name }) => {
    if (what === "leftover container") await engine.removeContainer(name);
    else if (!(await engine.removeImage(name)) && (await engine.image(name)) !== undefined)
      return "a container uses it";
    return undefined;
  };
}
