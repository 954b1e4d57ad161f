import type { SandboxState } from "../../blaxel/platform";
import { Failure } from "../../support/errors";
import { freshTags, immutableTag, madeImage } from "./image-tag";
import { isMarkedByAnother, markOf } from "../sending/ownership";
import type { Pending } from "../sending/pending";
import { lastLog, pause, type DeployContext } from "../deploy-context";
import type { Waited } from "./wait";

/** How long after DEPLOYED the sandbox may name no tag, or the list of tags may lag, in ms. */
const CLEAR_MS = 60_000;

/**
 * The immutable image that the deployed sandbox runs, made from this upload: sandbox/NAME:TAG, or the reference of the imported image, because
 * Blaxel may name either. With it, the sandbox.
 * @throws Failure NOTHING_NEW, IMAGE_UNCLEAR, DEPLOYED_OVER (exit 7)
 */
export async function runningImage(work: DeployContext, pending: Pending, waited: Waited) {
  const { host, platform, name, deadline } = work;
  const until = Math.min(deadline, host.clock.now() + CLEAR_MS);
  let { sandbox } = waited;
  const reference = work.source?.reference;
  const isShown = waited.marked || pending.before?.mark !== undefined;
  // Blaxel built what was sent, and it came to the image that the same inputs were sent for before.
  const isBuiltAgain =
    reference === undefined && waited.building && pending.before?.mark === markOf(work.rendered);
  for (;;) {
    const isAnother = isMarkedByAnother(sandbox.envs, work.rendered, isShown);
    if (reference !== undefined && sandbox.image === reference) {
      if (isAnother) throw deployedOver(name);
      return { image: reference, sandbox };
    }
    const fresh = freshTags(pending.tagsBefore, (await platform.getImage(name))?.tags ?? []);
    const made = madeImage({ name, imageBefore: pending.before?.image, imageNow: sandbox.image, fresh });
    if (made.is === "made") {
      if (isAnother) throw deployedOver(name);
      return { image: `sandbox/${name}:${made.tag}`, sandbox };
    }
    const over = host.clock.now() >= until;
    const same = sandbox.image === pending.before?.image && fresh.length === 0;
    if (made.is === "unchanged" || (over && same)) {
      if ((made.is === "unchanged" && isBuiltAgain) || work.knownImage === sandbox.image) {
        work.onProgress("unchanged: Blaxel runs the image that was made from the same inputs before");
        return { image: sandbox.image, sandbox };
      }
      throw nothingNew(name, sandbox, await lastLog(work, pending.startedAt));
    }
    if (over) throw unclear(name, sandbox, fresh);
    await pause(work, { until });
    sandbox = (await platform.getSandbox(name)) ?? sandbox;
  }
}

function deployedOver(name: string): Failure {
  return new Failure({
    code: "DEPLOYED_OVER",
    kind: "deploy",
    message: `The sandbox ${name} was deployed by another program or from other inputs during this deploy. It does not run the image that was sent.`,
    hint: "Run one release at a time for each sandbox name, then release again.",
  });
}

function nothingNew(name: string, sandbox: SandboxState, log: readonly string[]): Failure {
  return new Failure({
    code: "NOTHING_NEW",
    kind: "deploy",
    message: `Blaxel accepted the upload of ${name} but built no new image from it: it still runs ${sandbox.image === "" ? "no image" : sandbox.image}.`,
    log,
    hint: `Blaxel drops an update that arrives while the previous one is settling, and does not build an unchanged source again. Wait two minutes and release again. If that ends like this too, delete the sandbox (bl delete sandbox ${name}) and release once more.`,
  });
}

function unclear(name: string, sandbox: SandboxState, fresh: readonly string[]): Failure {
  const tags = fresh.length === 0 ? "no new tag" : `new tags ${fresh.join(", ")}`;
  const named =
    immutableTag(sandbox.image, name) === undefined
      ? `names ${sandbox.image === "" ? "no image" : `${sandbox.image}, which moves`}`
      : `still names ${sandbox.image}`;
  return new Failure({
    code: "IMAGE_UNCLEAR",
    kind: "deploy",
    message: `Blaxel reports DEPLOYED for ${name}, but it is unclear which image runs: the sandbox ${named}, and there is ${tags}.`,
    hint: `Check bl get image sandbox/${name}, and release again.`,
  });
}
