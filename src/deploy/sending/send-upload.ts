import { Failure } from "../../support/errors";
import { OWNERSHIP_VARIABLE, refuseForeignSandbox } from "./ownership";
import { earlierPending, sendKept, type Pending } from "./pending";
import { sendDeploy } from "./send";
import { checkUploadList, stageImport, stageProject } from "./staging";
import { settled, type DeployContext } from "../deploy-context";

/** States that end by themselves. */
const MOVING = new Set(["BUILDING", "DEPLOYING", "ARCHIVING", "UNARCHIVING", "DEACTIVATING", "DELETING"]);

/**
 * Sends the template with `bl deploy`, after checking that this overwrites nobody's sandbox and uploads exactly its files (none for an
 * imported image).
 * @returns the state of the upload
 */
export async function sendUpload(work: DeployContext): Promise<Pending> {
  const { rendered, source, bl, platform, name } = work;
  const earlier = await earlierPending(work);
  const sandbox = await settled(work, {
    look: () => platform.getSandbox(name),
    waitsFor: (seen) =>
      seen !== undefined && MOVING.has(seen.status) ? `waits: ${name} is ${seen.status}` : undefined,
    late: (seen) =>
      new Failure({
        code: "DEPLOY_UNDER_WAY",
        kind: "deploy",
        message: `The sandbox ${name} did not settle in time: Blaxel reports ${seen?.status ?? ""}. Nothing was sent.`,
        hint: "Release again when it has settled, or send at once with --force.",
      }),
  });
  refuseForeignSandbox(sandbox, work.knownSandboxes, earlier !== undefined, work.adopt);
  // Only now: the upload that was waited for has made its tag.
  const image = await platform.getImage(name);
  const { folder, login } =
    source === undefined
      ? { folder: await stageProject(rendered, bl), login: [] }
      : await stageImport(rendered, bl, source);
  await checkUploadList(work, folder, source === undefined ? rendered.files : []);
  await source?.confirm();
  const facts = {
    before:
      sandbox === undefined
        ? null
        : { status: sandbox.status, image: sandbox.image, mark: sandbox.envs[OWNERSHIP_VARIABLE] },
    tagsBefore: image?.tags ?? [],
  };
  const { pending } = await sendKept(work, facts, () => {
    work.onProgress(source === undefined ? "bl deploy" : `bl deploy of ${source.reference}`);
    return sendDeploy(work, folder, login);
  });
  return pending;
}
