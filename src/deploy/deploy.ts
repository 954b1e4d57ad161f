import { findBl, inspectBl, type BlProgram } from "../blaxel/bl-program";
import { blaxelCredentials } from "../blaxel/credentials";
import { platformThrough, type ImageState, type Platform, type SandboxState } from "../blaxel/platform";
import { withBlSession, type BlSession } from "../blaxel/run-bl";
import type { RenderedTemplate } from "../render/rendered";
import { isoTime } from "../support/clock";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { checkBlaxelToml } from "./blaxel-toml";
import type { Deployment } from "./deployment";
import { waitUntilHealthy } from "./healthy";
import { immutableTag, newTag } from "./image-tag";
import { refuseForeignSandbox } from "./never-harm";
import type { DeployOptions } from "./options";
import { forgetPending, keepPending, readPending, type Pending } from "./pending";
import { sendDeploy, sendPush } from "./send";
import { checkUploadList, stageProject } from "./staging";
import { waitUntilDeployed } from "./wait";

const POLL_MS = 3_000;
const GRACE_MS = 180_000;

/** What one deploy works with. */
interface Work {
  readonly host: Host;
  readonly rendered: RenderedTemplate;
  readonly options: DeployOptions;
  readonly name: string;
  readonly bl: BlProgram;
  readonly session: BlSession;
  readonly platform: Platform;
  readonly workspace: string;
  readonly deadline: number;
}

/** Fails (exit 3) when bl or credentials are missing; run before any work starts. */
export async function checkDeployPossible(host: Host): Promise<void> {
  const path = await findBl(host);
  const credentials = await blaxelCredentials(host);
  await withBlSession(host, credentials, (session) => inspectBl(host, path, session));
}

/**
 * Brings a rendered template to Blaxel and waits until this image, these bytes, runs and answers.
 * @returns the deployment with its immutable image reference
 * @throws Failure of kind deploy (7), environment (3) or usage (2); nothing counts as deployed then
 */
export async function deployTemplate(
  host: Host,
  rendered: RenderedTemplate,
  options: DeployOptions,
): Promise<Deployment> {
  const deadline = host.clock.now() + options.timeoutMs;
  const toml = rendered.files.find((file) => file.name === "blaxel.toml");
  const { name } = await checkBlaxelToml(toml?.contents ?? "");
  const path = await findBl(host);
  const credentials = await blaxelCredentials(host);
  return withBlSession(host, credentials, async (session) => {
    const bl = await inspectBl(host, path, session);
    const platform = platformThrough(host, path, session);
    const work: Work = {
      host,
      rendered,
      options,
      name,
      bl,
      session,
      platform,
      workspace: credentials.workspace,
      deadline,
    };
    const deployment = options.publish === "push" ? await push(work) : await deploy(work);
    await forgetPending(options.pendingFile);
    return deployment;
  });
}

async function deploy(work: Work): Promise<Deployment> {
  const { host, options, platform, name, deadline } = work;
  const pending = (await resumable(work)) ?? (await send(work));
  const waited = await waitUntilDeployed(host, platform, {
    name,
    before: pending.before ?? undefined,
    started: false,
    deadline,
    pollMs: options.pollMs ?? POLL_MS,
    graceMs: Math.min(options.graceMs ?? GRACE_MS, Math.max(0, (deadline - host.clock.now()) * 0.6)),
    onProgress: options.onProgress,
  });
  const image = await imageOf(work, pending, waited.sandbox, waited.is === "unchanged");
  await waitUntilHealthy(host, platform, waited.sandbox, {
    deadline,
    pollMs: options.pollMs ?? POLL_MS,
    onProgress: options.onProgress,
  });
  return {
    workspace: work.workspace,
    sandbox: name,
    image,
    deployedAt: isoTime(host.clock.now()),
    blVersion: work.bl.version,
  };
}

/** The upload an earlier run left under way, when the platform still shows it. */
async function resumable(work: Work): Promise<Pending | undefined> {
  const { options, rendered, platform, name } = work;
  const pending = await readPending(options.pendingFile);
  if (
    pending === undefined ||
    !pending.uploaded ||
    pending.sandbox !== name ||
    pending.workspace !== work.workspace ||
    pending.inputsDigest !== rendered.inputsDigest
  )
    return undefined;
  const now = await platform.getSandbox(name);
  if (now === undefined) return undefined;
  const moving = ["UPLOADING", "BUILDING", "DEPLOYING"].includes(now.status);
  const through =
    now.status === "DEPLOYED" && (pending.before === null || now.image !== pending.before.image);
  if (!moving && !through) return undefined;
  options.onSent?.();
  options.onProgress?.("goes on waiting for the upload of the run before");
  return pending;
}

async function send(work: Work): Promise<Pending> {
  const { host, rendered, options, session, platform, name, bl } = work;
  const earlier = await readPending(options.pendingFile);
  const [sandbox, image] = await Promise.all([platform.getSandbox(name), platform.getImage(name)]);
  refuseForeignSandbox(
    sandbox,
    [...(options.knownSandboxes ?? []), ...(earlier === undefined ? [] : [earlier.sandbox])],
    options.adopt,
  );
  const folder = await stageProject(rendered, session);
  await checkUploadList(host, bl.path, session, folder, rendered);
  const pending: Pending = {
    sandbox: name,
    workspace: work.workspace,
    inputsDigest: rendered.inputsDigest,
    startedAt: host.clock.now(),
    uploaded: false,
    before: sandbox === undefined ? null : { status: sandbox.status, image: sandbox.image },
    tagsBefore: [...(image?.tags ?? [])],
  };
  await keepPending(options.pendingFile, pending);
  options.onSent?.();
  options.onProgress?.("bl deploy");
  await sendDeploy(host, bl, session, {
    name,
    template: rendered.template,
    folder,
    timeoutMs: Math.max(1_000, work.deadline - host.clock.now()),
  });
  const uploaded = { ...pending, uploaded: true };
  await keepPending(options.pendingFile, uploaded);
  return uploaded;
}

async function imageOf(
  work: Work,
  pending: Pending,
  sandbox: SandboxState,
  unchanged: boolean,
): Promise<string> {
  const { options, platform, name } = work;
  const after = await platform.getImage(name);
  const tag = newTag(name, sandbox.image, pending.tagsBefore, after?.tags ?? []);
  if (tag !== undefined && !unchanged) return `sandbox/${name}:${tag}`;
  const running = immutableTag(sandbox.image, name);
  if (running !== undefined && options.knownImage === `sandbox/${name}:${running}`) {
    options.onProgress?.("unchanged: Blaxel runs the image that was made from the same inputs before");
    return options.knownImage;
  }
  throw new Failure({
    code: "NOTHING_NEW",
    kind: "deploy",
    message: `Blaxel took the upload of ${name} but made nothing new of it: it still runs ${sandbox.image === "" ? "no image" : sandbox.image}.`,
    log: await platform.logLines(name),
    hint: "An update that is sent while the one before still settles is dropped, and an unchanged source is not built again. Wait two minutes and release again; if the source is unchanged, the image that is there is the one.",
  });
}

async function push(work: Work): Promise<Deployment> {
  const { host, rendered, options, session, platform, name, bl, deadline } = work;
  const before: ImageState | undefined = await platform.getImage(name);
  const folder = await stageProject(rendered, session);
  await checkUploadList(host, bl.path, session, folder, rendered);
  options.onSent?.();
  options.onProgress?.("bl push");
  await sendPush(host, bl, session, {
    name,
    template: rendered.template,
    folder,
    timeoutMs: Math.max(1_000, deadline - host.clock.now()),
  });
  // bl push believes a BUILT that is left over from the push before: only a tag that was not there counts.
  for (;;) {
    const image = await platform.getImage(name);
    const tag = newTag(name, "", before?.tags ?? [], image?.tags ?? []);
    if (tag !== undefined) {
      return {
        workspace: work.workspace,
        sandbox: name,
        image: `sandbox/${name}:${tag}`,
        deployedAt: isoTime(host.clock.now()),
        blVersion: bl.version,
      };
    }
    const over = host.clock.now() >= deadline;
    if (image?.status === "FAILED" || over) {
      throw new Failure({
        code: over ? "NOTHING_NEW" : "REMOTE_BUILD_FAILED",
        kind: "deploy",
        message: over
          ? `bl push of ${name} ended well, but no new tag appeared in time.`
          : `Blaxel could not build ${name}.`,
        log: await platform.logLines(name),
        hint: "Read the build log above; an unchanged source is not built again.",
      });
    }
    await host.clock.sleep(
      Math.max(0, Math.min(options.pollMs ?? POLL_MS, deadline - host.clock.now())),
      host.signal,
    );
  }
}
