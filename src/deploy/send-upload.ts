import type { SandboxState } from "../blaxel/platform";
import { Failure } from "../support/errors";
import { immutableTag } from "./image-tag";
import { refuseForeignSandbox } from "./foreign-sandbox";
import { markOf, OWNERSHIP_VARIABLE } from "./ownership-variable";
import { earlierPending, keepPending, newPending, type Pending } from "./pending";
import { sendDeploy } from "./send";
import { checkUploadList, stageImport, stageProject } from "./staging";
import type { DeployContext } from "./deploy-context";

/**
 * Sends the template with `bl deploy`, after checking that this overwrites nobody's sandbox and uploads exactly its files (none for an
 * imported image).
 * @returns the state of the upload, stored before anything is sent, so that a killed run can be resumed
 */
export async function sendUpload(work: DeployContext): Promise<Pending> {
  const { rendered, options, session, platform, name } = work;
  const earlier = await earlierPending(work);
  const [sandbox, image] = await Promise.all([settled(work), platform.getImage(name)]);
  refuseForeignSandbox(sandbox, options.knownSandboxes ?? [], earlier !== undefined, options.adopt);
  const { source } = options;
  const { folder, login } =
    source === undefined
      ? { folder: await stageProject(rendered, session), login: [] }
      : await stageImport(rendered, session, source);
  await checkUploadList(work, folder, source === undefined ? rendered.files : []);
  await source?.confirm();
  const pending = newPending(work, {
    before: sandbox === undefined ? null : { status: sandbox.status, image: sandbox.image },
    tagsBefore: image?.tags ?? [],
    beforeIsOurs: wasMadeOfTheseInputs(work, sandbox, earlier),
  });
  await keepPending(options.pendingFile, pending);
  options.onSent?.();
  options.onProgress?.(source === undefined ? "bl deploy" : `bl deploy of ${source.reference}`);
  await sendDeploy(work, folder, login);
  const uploaded = { ...pending, uploaded: true };
  await keepPending(options.pendingFile, uploaded);
  return uploaded;
}

/** States that end by themselves. */
const MOVING = new Set(["BUILDING", "DEPLOYING", "ARCHIVING", "UNARCHIVING"]);

/**
 * The sandbox before the deploy. Waits for somebody else's running deploy first: an update sent meanwhile may be dropped, and the other
 * image would be mistaken for ours.
 * @throws Failure DEPLOY_UNDER_WAY (exit 7)
 */
async function settled(work: DeployContext): Promise<SandboxState | undefined> {
  const { host, platform, options, name, deadline, pollMs } = work;
  for (let reported = false; ; reported = true) {
    const sandbox = await platform.getSandbox(name);
    if (sandbox === undefined || !MOVING.has(sandbox.status) || options.force) return sandbox;
    if (!reported) options.onProgress?.(`waits: ${name} is ${sandbox.status}`);
    if (host.clock.now() >= deadline)
      throw new Failure({
        code: "DEPLOY_UNDER_WAY",
        kind: "deploy",
        message: `The sandbox ${name} did not settle in time: Blaxel reports ${sandbox.status}. Nothing was sent.`,
        hint: "Release again when it has settled, or send at once with --force.",
      });
    await host.clock.sleep(Math.max(0, Math.min(pollMs, deadline - host.clock.now())), host.signal);
  }
}

/**
 * Whether the current image came from an earlier, then failed upload of these inputs: it appeared after that upload, and no other deploy to
 * the sandbox followed.
 */
function wasMadeOfTheseInputs(
  { rendered, name }: DeployContext,
  sandbox: SandboxState | undefined,
  earlier: Pending | undefined,
): boolean {
  if (sandbox === undefined || earlier === undefined) return false;
  const tag = immutableTag(sandbox.image, name);
  return (
    tag !== undefined &&
    sandbox.envs[OWNERSHIP_VARIABLE] === markOf(rendered) &&
    (earlier.beforeIsOurs || !earlier.tagsBefore.some((old) => old.name === tag))
  );
}
