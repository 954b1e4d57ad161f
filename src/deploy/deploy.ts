import { parseBlaxelToml, refuseNewerFields } from "../blaxel/blaxel-toml";
import { withBl } from "../blaxel/bl";
import { blVersion } from "../blaxel/bl-version";
import { checkCredentials } from "../blaxel/control-plane";
import { platformThrough } from "../blaxel/platform";
import { textOf, type RenderedTemplate } from "../render/rendered";
import { isoTime } from "../support/clock";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import type { Deployment } from "./deployment";
import { earlierPending, forgetPending, isStillShown, type Pending } from "./sending/pending";
import { push } from "./push";
import { runningImage } from "./watching/running-image";
import { sendUpload } from "./sending/send-upload";
import { waitUntilDeployed, waitUntilHealthy } from "./watching/wait";
import type { DeployContext, DeployRequest } from "./deploy-context";

const POLL_MS = 3_000;
const GRACE_MS = 180_000;
/** Part of a short time limit for waiting until something begins. */
const GRACE_PART = 0.6;

/**
 * Fails without bl or credentials, or if Blaxel refuses them; called before any work starts.
 * @throws Failure BL_MISSING, BL_TOO_OLD, NO_BLAXEL_CREDENTIALS, BLAXEL_UNAUTHORIZED, BLAXEL_FORBIDDEN (exit 3)
 */
export async function checkDeployPossible(host: Host): Promise<void> {
  await withBl(host, async (bl, credentials) => {
    await blVersion(bl);
    await checkCredentials(host, credentials);
  });
}

/**
 * Deploys a rendered template to Blaxel and waits until exactly this image runs and responds.
 * @returns the deployment with its immutable image reference
 * @throws Failure of kind deploy (7), environment (3) or usage (2); nothing counts as deployed then
 */
export async function deployTemplate(
  host: Host,
  rendered: RenderedTemplate,
  request: DeployRequest,
): Promise<Deployment> {
  const { timeoutMs, source } = request;
  const deadline = host.clock.now() + timeoutMs;
  return withBl(host, async (bl, { workspace }) => {
    const version = await blVersion(bl);
    const toml = parseBlaxelToml(textOf(rendered.files, "blaxel.toml"), rendered.template);
    refuseNewerFields(toml, rendered.template, version);
    const work: DeployContext = {
      ...request,
      host,
      rendered,
      name: toml.name,
      bl,
      workspace,
      deadline,
      platform: platformThrough(bl, deadline),
      pollMs: POLL_MS,
      graceMs: Math.min(GRACE_MS, timeoutMs * GRACE_PART),
    };
    const image = request.publish === "push" ? await push(work) : await deploy(work);
    await forgetPending(request.pendingFile);
    return {
      workspace,
      sandbox: toml.name,
      image,
      ...(source === undefined ? {} : { registryDigest: source.digest }),
      deployedAt: isoTime(host.clock.now()),
      blVersion: version,
    };
  });
}

/** Uploads that never arrived, or were replaced by another, are not waited for again. */
const LOST = new Set(["BUILD_NOT_STARTED", "DEPLOYED_OVER"]);

/** @returns sandbox/NAME:TAG, seen running */
async function deploy(work: DeployContext): Promise<string> {
  const pending = (await resumed(work)) ?? (await sendUpload(work));
  const sentAt = pending.startedAt;
  try {
    const waited = await waitUntilDeployed(work, { before: pending.before ?? undefined, sentAt });
    const { image, sandbox } = await runningImage(work, pending, waited);
    await waitUntilHealthy(work, sandbox, sentAt);
    return image;
  } catch (error) {
    if (error instanceof Failure && LOST.has(error.code)) await forgetPending(work.pendingFile);
    throw error;
  }
}

/** An earlier run's unfinished upload, if the platform still shows it. */
async function resumed(work: DeployContext): Promise<Pending | undefined> {
  const { rendered, platform, name } = work;
  const pending = work.force ? undefined : await earlierPending(work);
  if (pending === undefined) return undefined;
  if (!isStillShown(pending, rendered, await platform.getSandbox(name))) return undefined;
  work.onSent();
  work.onProgress("resuming the previous run's upload");
  return pending;
}
