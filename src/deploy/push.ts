import type { ImageTag } from "../blaxel/platform";
import { Failure } from "../support/errors";
import { lastLog } from "./build-log";
import { freshTags } from "./image-tag";
import { earlierPending, keepPending, newPending, type Pending } from "./pending";
import { judgePush, type PushedBefore } from "./judge-push";
import { sendPush } from "./send";
import { checkUploadList, stageProject } from "./staging";
import type { Work } from "./work";

/**
 * Publishes the image with `bl push`, without a sandbox. bl's own word about the build is not believed: only a tag that
 * was not there before counts.
 * @returns sandbox/NAME:TAG
 * @throws Failure REMOTE_BUILD_FAILED, NOTHING_NEW, SEVERAL_NEW_TAGS, DEPLOY_TIMEOUT … (exit 7)
 */
export async function push(work: Work): Promise<string> {
  const { host, platform, options, name, deadline, pollMs } = work;
  const earlier = options.force ? undefined : await earlierPending(work);
  const resumed = earlier !== undefined && (await isPushedStill(work, earlier));
  const image = resumed ? undefined : await platform.getImage(name);
  const before: PushedBefore = { status: image?.status, updatedAt: image?.updatedAt };
  // What these inputs left there before a kill is still new: the tags of before the first push of them are what is old.
  const pending = resumed ? earlier : await sendWithPush(work, earlier?.tagsBefore ?? image?.tags ?? []);
  const begun = host.clock.now();
  for (;;) {
    const now = await platform.getImage(name);
    const fresh = freshTags(pending.tagsBefore, now?.tags ?? []);
    const elapsedMs = host.clock.now() - begun;
    const judgement = judgePush(
      before,
      { status: now?.status, updatedAt: now?.updatedAt, fresh },
      elapsedMs,
      work.graceMs,
    );
    if (judgement.is === "built") return `sandbox/${name}:${judgement.tag}`;
    if (judgement.is === "several") throw severalTags(name, fresh);
    const log = async (): Promise<readonly string[]> =>
      lastLog(host, platform, { name, sentAt: pending.startedAt, pollMs, patient: true });
    if (judgement.is === "failed") throw buildFailed(name, await log());
    if (judgement.is === "unchanged") {
      const known = options.knownImage;
      if (known !== undefined && now?.tags.some((tag) => known === `sandbox/${name}:${tag.name}`)) {
        options.onProgress?.("unchanged: the image that was made from the same inputs before is there");
        return known;
      }
      throw nothingNew(name, await log());
    }
    if (host.clock.now() >= deadline) throw late(name, now?.status ?? "nothing", await log());
    await host.clock.sleep(Math.max(0, Math.min(pollMs, deadline - host.clock.now())), host.signal);
  }
}

/** Whether the push of an ended run is still to be seen: its tag is there, or its build is under way. */
async function isPushedStill(work: Work, earlier: Pending): Promise<boolean> {
  const image = await work.platform.getImage(work.name);
  const shown =
    image !== undefined &&
    (freshTags(earlier.tagsBefore, image.tags).length > 0 || image.status === "BUILDING");
  if (shown) work.options.onProgress?.("goes on from the push of the run before");
  if (shown) work.options.onSent?.();
  return shown;
}

async function sendWithPush(work: Work, tagsBefore: readonly ImageTag[]): Promise<Pending> {
  const { rendered, options, session } = work;
  const folder = await stageProject(rendered, session);
  await checkUploadList(work, folder);
  const pending = newPending(work, { before: null, tagsBefore, beforeIsOurs: false });
  await keepPending(options.pendingFile, pending);
  options.onSent?.();
  options.onProgress?.("bl push");
  const said = await sendPush(work, folder);
  options.onProgress?.(`bl push: ${said === "built" ? "built" : "image build failed"}`);
  const uploaded = { ...pending, uploaded: true };
  await keepPending(options.pendingFile, uploaded);
  return uploaded;
}

function severalTags(name: string, tags: readonly string[]): Failure {
  return new Failure({
    code: "SEVERAL_NEW_TAGS",
    kind: "deploy",
    message: `There are ${String(tags.length)} new tags of sandbox/${name} (${tags.join(", ")}), so it cannot be told which this push made.`,
    hint: "Somebody else pushed to that name meanwhile: let one release at a time do so, then release again with --force.",
  });
}

function buildFailed(name: string, log: readonly string[]): Failure {
  return new Failure({
    code: "REMOTE_BUILD_FAILED",
    kind: "deploy",
    message: `Blaxel could not build ${name}${log.length === 0 ? "" : ` (last in its log: ${log.at(-1) ?? ""})`}.`,
    log,
    hint: "Read the build log above. The same image was built and proven here, so look for what differs there: network, memory.",
  });
}

function nothingNew(name: string, log: readonly string[]): Failure {
  return new Failure({
    code: "NOTHING_NEW",
    kind: "deploy",
    message: `bl push of ${name} ended well, but Blaxel made no new tag of it.`,
    log,
    hint: "An unchanged source is not built again: if it is unchanged, the newest tag that is there is the one.",
  });
}

function late(name: string, status: string, log: readonly string[]): Failure {
  return new Failure({
    code: "DEPLOY_TIMEOUT",
    kind: "deploy",
    message: `The image of ${name} was not built in time: Blaxel says ${status}.`,
    log,
    hint: "Nothing is lost: release again goes on waiting for the same push (--force sends it anew). Give more time with --deploy-timeout.",
  });
}
