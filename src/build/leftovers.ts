import type { Engine } from "../docker/index";
import { RUN_LABEL } from "../support/host";

/**
 * Removes an image that lost its tag to a newer one, if it carries our label and is neither tagged nor used.
 */
export async function removeReplaced(engine: Engine, id: string): Promise<void> {
  const image = await engine.image(id);
  if (image === undefined || image.tags.length > 0 || image.labels[RUN_LABEL] === undefined) return;
  await engine.removeImage(id);
}

/**
 * Removes what the classic builder made on the way and leaves behind without a name: the last image of each earlier stage, and of a
 * failed build. The ids come from this very build's messages; what has a name, or what another image stands on, stays.
 * @param keep what the built image stands on: the next build starts from it, and not every engine refuses to remove it
 */
export async function removeIntermediate(
  engine: Engine,
  made: readonly string[],
  keep: readonly string[],
): Promise<void> {
  for (const id of [...made].reverse()) {
    const image = await engine.image(id);
    if (image === undefined || image.tags.length > 0 || keep.includes(image.id)) continue;
    // The engine itself would take the parents too, those that other stages stand on included (Docker 26.1, containerd image store).
    await engine.removeImage(image.id, "kept");
  }
}
