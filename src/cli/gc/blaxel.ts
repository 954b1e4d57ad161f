import type { CommandContext } from "../command";
import { findBl } from "../../blaxel/bl-program";
import { blaxelCredentials } from "../../blaxel/credentials";
import { platformThrough, type Platform } from "../../blaxel/platform";
import { withBlSession } from "../../blaxel/run-bl";
import { readManifest } from "../../manifest/index";
import { channelsAt } from "../../manifest/channels/pointing";
import { newestDeployment } from "../../manifest/versions/in-workspace";
import type { RetentionVerdict } from "../../manifest/versions/retention";
import { messageOf } from "../../support/errors";
import type { Removal } from "./removal";

/** How a removal reaches Blaxel: set once bl runs. */
export interface BlaxelReach {
  platform?: Platform;
  workspace?: string;
}

/** Images on Blaxel that versions which are not kept have, and no kept one has. */
export function blaxelRemovals(
  plan: readonly RetentionVerdict[],
  manifestPath: string,
  reach: BlaxelReach,
): readonly Removal[] {
  const kept = new Set(plan.filter(({ keep }) => keep).map(({ entry }) => newestDeployment(entry)?.image));
  return plan.flatMap(({ entry, keep, why }): Removal[] => {
    const [id, deployment] = [entry.id, newestDeployment(entry)];
    if (keep || deployment === undefined || kept.has(deployment.image)) return [];
    const remove = async (image: string): Promise<string | undefined> => {
      if (reach.platform === undefined) throw new Error("bl was not started");
      if (deployment.workspace !== reach.workspace) return `it is in the workspace ${deployment.workspace}`;
      // Somebody may have pointed a channel at it since the plan was made.
      const channels = channelsAt(await readManifest(manifestPath), id);
      if (channels.length > 0) return `${channels.join(", ")} points at it by now`;
      return removeUnlessUsed(reach.platform, image);
    };
    return [{ what: "Blaxel image", name: deployment.image, why, id, remove }];
  });
}

/** Blaxel refuses with 400 what a sandbox uses or another workspace shares (bl 0.1.108): that is an answer, not a fault. */
async function removeUnlessUsed(platform: Platform, image: string): Promise<string | undefined> {
  try {
    await platform.deleteImage(image);
    return undefined;
  } catch (error) {
    if (/\b(in use|shared)\b/iu.test(messageOf(error))) return messageOf(error);
    throw error;
  }
}

/** Runs `work` while bl can be asked, if there is any. @throws Failure of kind environment (exit 3) without bl or credentials */
export async function withBlaxel(
  { host }: CommandContext,
  reach: BlaxelReach,
  removals: readonly Removal[],
  work: () => Promise<void>,
): Promise<void> {
  if (removals.length === 0) return;
  const [bl, credentials] = [await findBl(host), await blaxelCredentials(host)];
  await withBlSession(host, credentials, async (session) => {
    reach.platform = platformThrough(host, bl, session);
    reach.workspace = credentials.workspace;
    await work();
  });
}
