import { withBl } from "../blaxel/bl";
import { platformThrough, type Platform } from "../blaxel/platform";
import { isOfRegistry } from "../registry/reference";
import { channelsAt } from "../manifest/channels/pointing";
import { readManifest } from "../manifest/index";
import { inWorkspace } from "../manifest/versions/in-workspace";
import type { RetentionVerdict } from "../manifest/versions/retention";
import { messageOf } from "../support/errors";
import type { Host } from "../support/host";
import type { Removal, Remove } from "./removal";

/** Images on Blaxel, in every workspace, of versions that are not kept, unless a kept version has the same image in that workspace. */
export function blaxelRemovals(plan: readonly RetentionVerdict[]): readonly Removal[] {
  const deployments = plan.flatMap((verdict) =>
    Object.keys(verdict.entry.deployments).flatMap((workspace) => {
      const { deployment } = inWorkspace(verdict.entry, workspace);
      // Blaxel cannot remove a registry's image.
      return deployment === null || isOfRegistry(deployment.image)
        ? []
        : [{ ...verdict, workspace, image: deployment.image }];
    }),
  );
  const place = (one: { readonly workspace: string; readonly image: string }): string =>
    `${one.workspace} ${one.image}`;
  const kept = new Set(deployments.filter(({ keep }) => keep).map(place));
  return deployments
    .filter((one) => !one.keep && !kept.has(place(one)))
    .map(({ entry: { id }, why, workspace, image }) => {
      return { what: "Blaxel image", name: image, why, id, workspace };
    });
}

/**
 * Runs `work` with what removes images in the workspace in use.
 * @throws Failure of kind environment (exit 3) without bl or credentials
 */
export async function withBlaxel(
  host: Host,
  manifestPath: string,
  work: (remove: Remove) => Promise<void>,
): Promise<void> {
  await withBl(host, async (bl, { workspace }) => {
    const platform = platformThrough(bl);
    await work(async (removal) => {
      if (removal.workspace !== workspace) return `it is in the workspace ${removal.workspace ?? ""}`;
      // A channel may have moved to it since the plan was made.
      const channels = channelsAt(await readManifest(manifestPath), removal.id ?? "");
      if (channels.length > 0) return `${channels.join(", ")} now points at it`;
      return removeUnlessUsed(platform, removal.name);
    });
  });
}

/** Blaxel answers 400 for an image that a sandbox uses or another workspace shares (bl 0.1.108): a result, not an error. */
async function removeUnlessUsed(platform: Platform, image: string): Promise<string | undefined> {
  try {
    await platform.deleteImage(image);
    return undefined;
  } catch (error) {
    if (/\b(in use|shared)\b/iu.test(messageOf(error))) return messageOf(error);
    throw error;
  }
}
