import { Failure } from "../support/errors";
import { freshTags, immutableTag } from "./watching/image-tag";
import { earlierPending, sendKept, type Pending } from "./sending/pending";
import { judgePush, type PushedImage } from "./watching/judge";
import { sendPush } from "./sending/send";
import { checkUploadList, stageProject } from "./sending/staging";
import { lastIn, lastLog, pause, settled, type DeployContext } from "./deploy-context";

/**
 * Publishes the image with `bl push`, without a sandbox. bl's result counts only if the tag exists; never guesses which tag a push made.
 * @returns sandbox/NAME:TAG
 * @throws Failure REMOTE_BUILD_FAILED, NOTHING_NEW, SEVERAL_NEW_TAGS, PUSH_UNCLEAR, DEPLOY_UNDER_WAY, DEPLOY_TIMEOUT … (exit 7)
 */
export async function push(work: DeployContext): Promise<string> {
  const { host, platform, name, deadline } = work;
  const sent = (await resumed(work)) ?? (await sendWithPush(work));
  const knownTag = immutableTag(work.knownImage ?? "", name);
  const begun = host.clock.now();
  for (;;) {
    const now = await platform.getImage(name);
    const tags = now?.tags ?? [];
    const fresh = freshTags(sent.pending.tagsBefore, tags);
    const judgement = judgePush({
      before: sent.before,
      now: { status: now?.status, updatedAt: now?.updatedAt },
      fresh,
      known: tags.some((tag) => tag.name === knownTag) ? knownTag : undefined,
      blResult: sent.blResult,
      elapsedMs: host.clock.now() - begun,
      graceMs: work.graceMs,
    });
    if (judgement === "known")
      work.onProgress("unchanged: the image that was made from the same inputs before is there");
    if (judgement === "built" || judgement === "known")
      return `sandbox/${name}:${fresh[0] ?? knownTag ?? ""}`;
    if (judgement === "several") throw severalTags(name, fresh);
    const log = (): Promise<readonly string[]> => lastLog(work, sent.pending.startedAt, true);
    if (judgement === "failed") throw buildFailed(name, await log());
    if (judgement === "nothing new") throw nothingNew(name, await log());
    if (host.clock.now() >= deadline) throw late(name, now?.status ?? "nothing", await log());
    await pause(work);
  }
}

/** A push that was sent. */
interface SentPush {
  readonly pending: Pending;
  readonly before: PushedImage;
  readonly blResult: "built" | "failed" | undefined;
}

/**
 * The push of a killed run, if Blaxel shows something that may belong to it.
 * @throws Failure PUSH_UNCLEAR if that run had not finished its upload: the origin of what Blaxel shows is then unclear
 */
async function resumed(work: DeployContext): Promise<SentPush | undefined> {
  const { platform, name } = work;
  const earlier = work.force ? undefined : await earlierPending(work);
  if (earlier === undefined) return undefined;
  const image = await platform.getImage(name);
  const fresh = freshTags(earlier.tagsBefore, image?.tags ?? []);
  if (fresh.length === 0 && image?.status !== "BUILDING") return undefined;
  if (!earlier.uploaded) throw unclear(name, fresh, image?.status);
  work.onProgress("resuming the previous run's push");
  work.onSent();
  return { pending: earlier, before: { status: undefined, updatedAt: undefined }, blResult: undefined };
}

async function sendWithPush(work: DeployContext): Promise<SentPush> {
  const { rendered, bl } = work;
  const image = await settled(work, {
    look: () => work.platform.getImage(work.name),
    waitsFor: (seen) =>
      seen?.status === "BUILDING" ? `waiting for a build of sandbox/${work.name} in progress` : undefined,
    late: () =>
      new Failure({
        code: "DEPLOY_UNDER_WAY",
        kind: "deploy",
        message: `Another build of sandbox/${work.name} did not finish in time. Nothing was sent.`,
        hint: "Release again when it has finished, or push at once with --force.",
      }),
  });
  const folder = await stageProject(rendered, bl);
  await checkUploadList(work, folder, rendered.files);
  const facts = { before: null, tagsBefore: image?.tags ?? [] };
  const { pending, answer: blResult } = await sendKept(work, facts, (onUploaded) => {
    work.onProgress("bl push");
    return sendPush(work, folder, onUploaded);
  });
  work.onProgress(`bl push: ${blResult === "built" ? "built" : "image build failed"}`);
  return { pending, before: { status: image?.status, updatedAt: image?.updatedAt }, blResult };
}

function unclear(name: string, tags: readonly string[], status: string | undefined): Failure {
  const seen = tags.length === 0 ? `a build under way (${status ?? ""})` : `new tags (${tags.join(", ")})`;
  return new Failure({
    code: "PUSH_UNCLEAR",
    kind: "deploy",
    message: `An earlier run stopped before its upload of ${name} was complete. Blaxel shows ${seen}, which may belong to another upload.`,
    hint: "Check bl get images. --force pushes again and considers only tags that appear after that.",
  });
}

function severalTags(name: string, tags: readonly string[]): Failure {
  return new Failure({
    code: "SEVERAL_NEW_TAGS",
    kind: "deploy",
    message: `There are ${String(tags.length)} new tags of sandbox/${name} (${tags.join(", ")}), so it is unclear which one this push made.`,
    hint: "Another push to that name ran at the same time. Run one release at a time, then release again with --force.",
  });
}

function buildFailed(name: string, log: readonly string[]): Failure {
  return new Failure({
    code: "REMOTE_BUILD_FAILED",
    kind: "deploy",
    message: `Blaxel could not build ${name}${lastIn(log)}.`,
    log,
    hint: "Read the build log above. The same image was built and proven here, so look for differences there: network, memory.",
  });
}

function nothingNew(name: string, log: readonly string[]): Failure {
  return new Failure({
    code: "NOTHING_NEW",
    kind: "deploy",
    message: `bl push of ${name} succeeded, but Blaxel made no new tag.`,
    log,
    hint: "Blaxel does not build an unchanged source again. If the source is unchanged, the newest existing tag is the right image.",
  });
}

function late(name: string, status: string, log: readonly string[]): Failure {
  return new Failure({
    code: "DEPLOY_TIMEOUT",
    kind: "deploy",
    message: `The image of ${name} was not built in time: Blaxel reports ${status}.`,
    log,
    hint: "Nothing is lost: the next release resumes the same push (--force starts a new one). Raise the limit with --deploy-timeout.",
  });
}
