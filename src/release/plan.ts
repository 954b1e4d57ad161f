import { isWithinBudget, type Image } from "../build/image";
import {
  isWithdrawn,
  versionId,
  type ManifestEntry,
  type Verification,
  type VersionDeployment,
} from "../manifest/entry";
import { inWorkspace } from "../manifest/versions/in-workspace";
import { newestRevision, nextRevision } from "../manifest/versions/newest";
import type { PublishTarget } from "../lock/upstream";
import { publishedReference, type Published } from "../publish/published";
import type { Failure } from "../support/errors";
import { stagesOf, type StageName } from "../support/events";
import { checksCannotRun, inputsRevoked, wouldUnprove, type CannotRun } from "./proof/refuse-unproven";
import { proves, type ChecksRun, type KeptEvidence, type Smoked } from "./proof/evidence";
import type { PlanRequest } from "./request";

/** Everything that decides what is left to do for a release of one template. */
export interface Facts extends ChecksRun {
  readonly request: PlanRequest;
  readonly template: string;
  /** Locked inputs that are now named differently. */
  readonly staleLock: readonly string[];
  /** Digest of the rendering with the lock; undefined without a lock, or if it is resolved again. */
  readonly inputsDigest: string | undefined;
  /** Differences between the project folder and a new rendering. */
  readonly folderDiffers: readonly string[];
  /** The size limit of the image, which is no input of it. */
  readonly budgetMegabytes: number;
  /** The workspace in use; undefined if unknown. */
  readonly workspace: string | undefined;
  /** The manifest's versions of this template. */
  readonly entries: readonly ManifestEntry[];
  /** The template's channels, with the ids they point at. */
  readonly channels: Readonly<Record<string, string>>;
  readonly kept: KeptEvidence;
  readonly cannotRun: readonly CannotRun[];
  /** Where proven images are pushed, and the template's name there; absent: Blaxel builds from the source. */
  readonly publish?: (PublishTarget & { readonly name: string }) | undefined;
  /** Result of this run's push; undefined before it. */
  readonly published?: Published | undefined;
  /** Who signed in this run. */
  readonly signed?: string | undefined;
  /** The image this run built; undefined before the build. */
  readonly image: Image | undefined;
  /** The stages this run has done; their results are in the other facts. */
  readonly done: readonly StageName[];
}

export interface Step {
  readonly stage: StageName;
  readonly action: "do" | "reuse" | "skip";
  readonly why: string;
}

/** What is left to do for one template, and why. */
export interface Plan {
  readonly template: string;
  /** The version's id; null if unknown before locking. */
  readonly id: string | null;
  readonly revision: number | undefined;
  /** The continued entry. */
  readonly entry: ManifestEntry | undefined;
  readonly steps: readonly Step[];
  /** Whether the newest revision was revoked or removed: it returns only on explicit request. */
  readonly withdrawn: boolean;
  /** Why the release must stop. */
  readonly refusal: Failure | undefined;
}

/** Whether a plan is empty. */
export function isEmpty({ steps, refusal }: Plan): boolean {
  return refusal === undefined && steps.every(({ action }) => action !== "do");
}

const perform = (why: string): Omit<Step, "stage"> => ({ action: "do", why });
const reuse = (why: string): Omit<Step, "stage"> => ({ action: "reuse", why });
const skip = (why: string): Omit<Step, "stage"> => ({ action: "skip", why });

type Steps = Readonly<Record<StageName, Omit<Step, "stage">>>;

/** Plans what is left to do for a release, and why. No other place decides this. */
export function planRelease(asked: Facts): Plan {
  // Until the refresh has compared them, it is unknown which inputs are released.
  const { version, refresh } = asked.request;
  const isOpen = refresh && !asked.done.includes("lock");
  const facts = isOpen ? { ...asked, inputsDigest: undefined } : asked;
  const { template, inputsDigest, entries } = facts;
  const ofVersion = entries.filter((entry) => entry.mesaVersion === version);
  const revoked = ofVersion.find(
    (entry) => entry.inputsDigest === inputsDigest && entry.status === "revoked",
  );
  const next = inputsDigest === undefined ? undefined : nextRevision(ofVersion, inputsDigest);
  const newest = newestRevision(ofVersion);
  const steps = stepsOf(facts, next?.entry, refreshedEntry(asked));
  const plan = {
    template,
    id: next === undefined ? null : versionId(template, version, next.revision),
    revision: next?.revision,
    entry: next?.entry,
    withdrawn: isWithdrawn(newest?.status),
    steps: stagesOf(facts.publish !== undefined).map((stage) => ({ stage, ...steps[stage] })),
  };
  return { ...plan, refusal: refusalOf(facts, next?.entry, steps, revoked) };
}

function refusalOf(
  { template, cannotRun, channels, done, request, workspace }: Facts,
  entry: ManifestEntry | undefined,
  steps: Steps,
  revoked: ManifestEntry | undefined,
): Failure | undefined {
  const isToDo = (stage: StageName): boolean => steps[stage].action === "do" && !done.includes(stage);
  if (revoked !== undefined) return inputsRevoked(revoked);
  const replacesProven = isToDo("deploy") && !request.verify;
  if (replacesProven && entry !== undefined && inWorkspace(entry, workspace).status === "verified") {
    const pointing = Object.keys(channels).filter((channel) => channels[channel] === entry.id);
    if (pointing.length > 0) return wouldUnprove(entry, pointing);
  }
  return !request.allowSkipped && cannotRun.length > 0 && (isToDo("smoke") || isToDo("verify"))
    ? checksCannotRun(template, cannotRun)
    : undefined;
}

/** The version to compare a refresh with: the newest one made from the current inputs, unless it was removed. */
export function refreshedEntry({ entries, request, inputsDigest }: Facts): ManifestEntry | undefined {
  return newestRevision(
    entries.filter(
      (entry) =>
        entry.mesaVersion === request.version &&
        entry.inputsDigest === inputsDigest &&
        entry.status !== "removed",
    ),
  );
}

const VERIFIED = perform("the deployment is verified in the workspace");
const LAST = perform("the entry is written last");
const SCANNED = perform("--scan uses today's database");

function stepsOf(
  facts: Facts,
  entry: ManifestEntry | undefined,
  refreshed: ManifestEntry | undefined,
): Steps {
  const { inputsDigest, folderDiffers, done, request } = facts;
  if (inputsDigest === undefined) return stepsToLock(facts, refreshed);
  const isRendered = folderDiffers.length === 0 || done.includes("render");
  const written = {
    lock: reuse("lock.json exists"),
    render: isRendered ? reuse("the folder is up to date") : perform(folderDiffers.join(", ")),
  };
  if (entry === undefined || request.force || !hasReached(facts, entry))
    return { ...written, ...proofSteps(facts, entry), ...placeSteps(facts, entry), record: LAST };
  const none = skip(`${entry.id} is up to date`);
  const build = request.scan !== undefined && !done.includes("build") ? SCANNED : none;
  return { ...written, build, smoke: none, push: none, deploy: none, verify: none, record: none };
}

/** The steps while it is unknown which inputs are released. */
function stepsToLock({ request, staleLock }: Facts, refreshed: ManifestEntry | undefined): Steps {
  const { relock, refresh } = request;
  const why = relock
    ? "--relock: the inputs are resolved again"
    : refresh
      ? `--refresh: builds with today's packages${refreshed === undefined ? "" : `; a build like ${refreshed.id} is dropped`}`
      : staleLock.length > 0
        ? `the lock is stale: ${staleLock.join("; ")}`
        : "there is no lock yet";
  const then = perform(refresh ? "if something but times has changed" : "the inputs may have changed");
  return {
    lock: perform(why),
    render: perform("the lock is new"),
    build: then,
    smoke: refresh ? then : perform("a new image is needed"),
    ...placed(request, { push: then, deploy: then, verify: VERIFIED }),
    record: refresh ? then : LAST,
  };
}

/** Whether an entry alone shows that the goal is reached: with these checks, in this workspace. */
function hasReached(facts: Facts, entry: ManifestEntry): boolean {
  const { kept, published, request, workspace } = facts;
  if (!hasProof(facts, entry)) return false;
  if (!request.deploy) return true;
  // Something was pushed, signed, sent or deployed, and is not recorded yet: by this run, or by one that was ended.
  if (published !== undefined || kept.isSent === true || kept.deployment !== undefined) return false;
  const { status } = inWorkspace(entry, workspace);
  const isPlaced = Object.values(placeSteps(facts, entry)).every(({ action }) => action !== "do");
  return (status === "deployed" || status === "verified") && isPlaced;
}

/** Whether an entry shows that its image has passed these checks. */
function hasProof(facts: Facts, { smoke, image, inputsDigest }: ManifestEntry): boolean {
  return smoke.inputsDigest === inputsDigest && isProof(facts, { smoke, image });
}

/** Whether an image has passed these checks. Its size is judged again: template.toml may allow less by now. */
function isProof(
  { checksDigest, budgetMegabytes, request }: Facts,
  { smoke, image }: Pick<ManifestEntry, "smoke"> & { readonly image: Pick<Image, "id" | "sizeBytes"> },
): boolean {
  const isOfImage = smoke.imageId === image.id && isWithinBudget(image, budgetMegabytes);
  return isOfImage && proves(smoke, checksDigest, request.allowSkipped);
}

/** The version's image in the registry: the one this run pushed, or the recorded one if this run built no other image. */
export function publishedImage(facts: Facts, entry: ManifestEntry | undefined): Published | undefined {
  const { publish, published, done, image } = facts;
  const { force, version: mesaVersion } = facts.request;
  if (publish === undefined || published !== undefined) return published;
  if (entry === undefined || (force && !done.includes("push"))) return undefined;
  const { revision } = entry;
  const { id, registryDigest: digest, registryReference: reference } = entry.image;
  const wanted = publishedReference(publish.registry, { name: publish.name, mesaVersion, revision });
  return digest !== undefined && reference === wanted && (image === undefined || image.id === id)
    ? { reference, digest }
    : undefined;
}

/** Whether a published image still lacks the requested signature. The entry's signature counts only for the image it names. */
function isUnsigned(
  { request: { signer }, signed }: Facts,
  entry: ManifestEntry | undefined,
  { reference, digest }: Published,
): boolean {
  const { registryReference, registryDigest, signedBy } = entry?.image ?? {};
  const isRecorded = registryReference === reference && registryDigest === digest;
  return signer !== undefined && signer.id !== (signed ?? (isRecorded ? signedBy : undefined));
}

/** Whether a deployment is of the image in the registry, as far as is known; without a registry, any deployment is. */
function isOfPublished(
  facts: Facts,
  entry: ManifestEntry | undefined,
  { registryDigest }: VersionDeployment,
): boolean {
  if (facts.publish === undefined) return true;
  const published = publishedImage(facts, entry);
  return registryDigest !== undefined && (published === undefined || registryDigest === published.digest);
}

/** Whether the entry's image is in the registry and has passed these checks: then it is deployed without a build. */
export function isProvenInRegistry(facts: Facts, entry: ManifestEntry | undefined): entry is ManifestEntry {
  const { done, image } = facts;
  const { deploy, scan } = facts.request;
  return (
    deploy &&
    image === undefined &&
    (scan === undefined || done.includes("build")) &&
    entry !== undefined &&
    publishedImage(facts, entry) !== undefined &&
    hasProof(facts, entry)
  );
}

/** The smoke evidence for the current image or, before the build, for the last proven one. */
function smokeProof(facts: Facts): Smoked | undefined {
  const { kept, inputsDigest, image, done, request } = facts;
  if (kept.smoke === undefined || (request.force && !done.includes("smoke"))) return undefined;
  const { smoke } = kept.smoke;
  const isOfImage =
    smoke.inputsDigest === inputsDigest && (image === undefined || image.id === smoke.imageId);
  return isOfImage && isProof(facts, kept.smoke) ? kept.smoke : undefined;
}

function proofSteps(facts: Facts, entry: ManifestEntry | undefined): Pick<Steps, "build" | "smoke"> {
  const { done } = facts;
  const { force, scan } = facts.request;
  if (isProvenInRegistry(facts, entry)) {
    const why = `${entry.image.id.slice(0, 19)} of ${entry.id} is in the registry`;
    return { build: skip(why), smoke: reuse(`${why}, and has passed these checks`) };
  }
  const proof = smokeProof(facts);
  const smoke =
    proof === undefined
      ? perform(force ? "--force" : unproven(facts, entry))
      : reuse(`${proof.image.id.slice(0, 19)} has passed these checks`);
  if (force && !done.includes("build")) return { build: perform("--force"), smoke };
  if (scan !== undefined && !done.includes("build")) return { build: SCANNED, smoke };
  const build =
    proof === undefined
      ? perform(unproven(facts, entry))
      : reuse(`${proof.image.id.slice(0, 19)}, if the engine still has it`);
  return { build, smoke };
}

function unproven(
  { kept, checksDigest, budgetMegabytes, template }: Facts,
  entry: ManifestEntry | undefined,
): string {
  const last = kept.smoke ?? entry;
  if (last === undefined) return `there is no version of ${template} with this inputs digest`;
  if (!isWithinBudget(last.image, budgetMegabytes)) return "the image is larger than its budget now";
  if (last.smoke.checksDigest !== checksDigest) return "the checks have changed";
  return kept.smoke !== undefined || entry === undefined
    ? "no report of this image covers all checks"
    : `${entry.id} is ${entry.status}, and its image is not known to be on this engine`;
}

/** The deployment in the workspace in use: recorded, or kept by a run that ended before recording it. */
export function standingDeployment(
  facts: Facts,
  entry: ManifestEntry | undefined,
): VersionDeployment | undefined {
  const { kept, workspace, done, request } = facts;
  if ((request.force || kept.isSent === true) && !done.includes("deploy")) return undefined;
  const { deployment: candidate } = kept;
  if (candidate?.workspace === workspace && candidate !== undefined && isOfPublished(facts, entry, candidate))
    return candidate;
  if (entry === undefined || workspace === undefined) return undefined;
  const failedHere =
    entry.failure !== null &&
    entry.failure.stage !== "verify" &&
    (entry.failure.workspace === undefined || entry.failure.workspace === workspace);
  if (failedHere) return undefined;
  const { status, deployment } = inWorkspace(entry, workspace);
  if (deployment === null || !isOfPublished(facts, entry, deployment)) return undefined;
  // It is deployed, but a verification that failed must not outlast its failure.
  return status === "failed" ? { ...deployment, verification: null } : deployment;
}

function placeSteps(facts: Facts, entry: ManifestEntry | undefined): Placed {
  const { workspace, request } = facts;
  const published = publishedImage(facts, entry);
  const push =
    facts.publish === undefined
      ? skip("there is no registry")
      : published === undefined
        ? perform(request.force ? "--force" : "the registry may not have the proven image")
        : isUnsigned(facts, entry, published)
          ? perform(`its provenance and SBOM are not signed by ${String(request.signer?.id)}`)
          : reuse(`${published.reference} is ${published.digest.slice(0, 19)}`);
  const standing = standingDeployment(facts, entry);
  const deploy =
    standing === undefined
      ? perform(request.force ? "--force" : `the workspace ${workspace ?? "in use"} does not have it`)
      : reuse(`${standing.image} is in ${standing.workspace}`);
  const verify =
    standing === undefined || verificationProof(facts, entry, standing) === undefined
      ? VERIFIED
      : reuse("it has passed these checks");
  return placed(request, { push, deploy, verify });
}

/** The verification of a deployment in the workspace in use, if it was with these checks. */
export function verificationProof(
  facts: Facts,
  entry: ManifestEntry | undefined,
  { image, verification }: VersionDeployment,
): Verification | undefined {
  const { workspace, checksDigest, done, request } = facts;
  const isOpen = request.force && !done.includes("verify");
  const recorded = entry === undefined || isOpen ? null : inWorkspace(entry, workspace).verification;
  return (
    [verification, recorded].find(
      (one) => one?.image === image && proves(one, checksDigest, request.allowSkipped),
    ) ?? undefined
  );
}

type Placed = Pick<Steps, "push" | "deploy" | "verify">;

/** The steps in the registry and on Blaxel, as far as they are asked for. */
function placed({ deploy, verify }: PlanRequest, steps: Placed): Placed {
  const no = skip("not requested");
  if (!deploy) return { push: no, deploy: no, verify: no };
  return verify ? steps : { ...steps, verify: no };
}
