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

/** What the facts say about the version that is released. */
interface Version {
  /** The entry that is continued; undefined: a new revision, or an unknown one before locking. */
  readonly entry: ManifestEntry | undefined;
  /** The version to compare a refresh with: the newest one made from the current inputs, unless it was removed. */
  readonly refreshed: ManifestEntry | undefined;
  /** Its image in the registry: the one this run pushed, or the recorded one if this run built no other image. */
  readonly inRegistry: Published | undefined;
  /** Whether that image is recorded and has passed these checks: then it is deployed without a build. */
  readonly isProvenInRegistry: boolean;
  /** Its deployment in the workspace in use: recorded, or kept by a run that ended before recording it. */
  readonly standing: VersionDeployment | undefined;
  /** The verification of that deployment, if it was with these checks. */
  readonly verification: Verification | undefined;
}

/** What is left to do for one template, and why. */
export interface Plan extends Version {
  readonly template: string;
  /** The version's id; null if unknown before locking. */
  readonly id: string | null;
  readonly revision: number | undefined;
  /** The workspace in use; undefined if unknown. */
  readonly workspace: string | undefined;
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
  const { template, request, publish } = asked;
  const { version, refresh } = request;
  const ofVersion = asked.entries.filter((entry) => entry.mesaVersion === version);
  const ofInputs = ofVersion.filter((entry) => entry.inputsDigest === asked.inputsDigest);
  const refreshed = newestRevision(ofInputs.filter(({ status }) => status !== "removed"));
  // Until the refresh has compared them, it is unknown which inputs are released.
  const isOpen = asked.inputsDigest === undefined || (refresh && !asked.done.includes("lock"));
  const facts = isOpen ? { ...asked, inputsDigest: undefined } : asked;
  const next = facts.inputsDigest === undefined ? undefined : nextRevision(ofVersion, facts.inputsDigest);
  const entry = next?.entry;
  const inRegistry = registryImage(facts, entry);
  const standing = standingDeployment(facts, entry, inRegistry);
  const found: Version = {
    entry,
    refreshed,
    inRegistry,
    isProvenInRegistry: inRegistry !== undefined && isDeployedAsItIs(facts, entry),
    standing,
    verification: standing && verificationProof(facts, entry, standing),
  };
  const steps = isOpen ? stepsToLock(facts, refreshed) : stepsOf(facts, found);
  const revoked = isOpen ? undefined : ofInputs.find(({ status }) => status === "revoked");
  return {
    ...found,
    template,
    id: next === undefined ? null : versionId(template, version, next.revision),
    revision: next?.revision,
    workspace: asked.workspace,
    withdrawn: isWithdrawn(newestRevision(ofVersion)?.status),
    steps: stagesOf(publish !== undefined).map((stage) => ({ stage, ...steps[stage] })),
    refusal: revoked === undefined ? refusalOf(facts, entry, steps) : inputsRevoked(revoked),
  };
}

function refusalOf(
  { template, cannotRun, channels, done, request, workspace }: Facts,
  entry: ManifestEntry | undefined,
  steps: Steps,
): Failure | undefined {
  const isToDo = (stage: StageName): boolean => steps[stage].action === "do" && !done.includes(stage);
  const replacesProven = isToDo("deploy") && !request.verify;
  if (replacesProven && entry !== undefined && inWorkspace(entry, workspace).status === "verified") {
    const pointing = Object.keys(channels).filter((channel) => channels[channel] === entry.id);
    if (pointing.length > 0) return wouldUnprove(entry, pointing);
  }
  return !request.allowSkipped && cannotRun.length > 0 && (isToDo("smoke") || isToDo("verify"))
    ? checksCannotRun(template, cannotRun)
    : undefined;
}

const VERIFIED = perform("the deployment is verified in the workspace");
const LAST = perform("the entry is written last");
const SCANNED = perform("--scan uses today's database");

function stepsOf(facts: Facts, version: Version): Steps {
  const { folderDiffers, done, request } = facts;
  const { entry } = version;
  const isRendered = folderDiffers.length === 0 || done.includes("render");
  const written = {
    lock: reuse("lock.json exists"),
    render: isRendered ? reuse("the folder is up to date") : perform(folderDiffers.join(", ")),
  };
  const place = placeSteps(facts, version);
  if (entry === undefined || request.force || !hasReached(facts, entry, place))
    return { ...written, ...proofSteps(facts, version), ...place, record: LAST };
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
function hasReached(facts: Facts, entry: ManifestEntry, place: Placed): boolean {
  const { kept, published, request, workspace } = facts;
  if (!hasProof(facts, entry)) return false;
  if (!request.deploy) return true;
  // Something was pushed, signed, sent or deployed, and is not recorded yet: by this run, or by one that was ended.
  if (published !== undefined || kept.isSent === true || kept.deployment !== undefined) return false;
  const { status } = inWorkspace(entry, workspace);
  const isPlaced = Object.values(place).every(({ action }) => action !== "do");
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

function registryImage(facts: Facts, entry: ManifestEntry | undefined): Published | undefined {
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

/** Whether the image in the registry still lacks the requested signature. The entry's signature counts only for the image it names. */
function isUnsigned({ request: { signer }, signed }: Facts, { entry, inRegistry }: Version): boolean {
  const { registryReference, registryDigest, signedBy } = entry?.image ?? {};
  const isRecorded = registryReference === inRegistry?.reference && registryDigest === inRegistry?.digest;
  return signer !== undefined && signer.id !== (signed ?? (isRecorded ? signedBy : undefined));
}

function isDeployedAsItIs(facts: Facts, entry: ManifestEntry | undefined): boolean {
  const { done, image, request } = facts;
  const isScanned = request.scan === undefined || done.includes("build");
  return request.deploy && image === undefined && isScanned && entry !== undefined && hasProof(facts, entry);
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

function proofSteps(facts: Facts, { entry, isProvenInRegistry }: Version): Pick<Steps, "build" | "smoke"> {
  const { done } = facts;
  const { force, scan } = facts.request;
  if (isProvenInRegistry && entry !== undefined) {
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

function unproven(facts: Facts, entry: ManifestEntry | undefined): string {
  const { kept, checksDigest, budgetMegabytes, template } = facts;
  const last = kept.smoke ?? entry;
  if (last === undefined) return `there is no version of ${template} with this inputs digest`;
  if (!isWithinBudget(last.image, budgetMegabytes)) return "the image is larger than its budget now";
  if (last.smoke.checksDigest !== checksDigest) return "the checks have changed";
  return kept.smoke !== undefined || entry === undefined
    ? "no report of this image covers all checks"
    : `${entry.id} is ${entry.status}, and its image is not known to be on this engine`;
}

function standingDeployment(
  { kept, workspace, done, request, publish }: Facts,
  entry: ManifestEntry | undefined,
  inRegistry: Published | undefined,
): VersionDeployment | undefined {
  if ((request.force || kept.isSent === true) && !done.includes("deploy")) return undefined;
  // Of the image in the registry, as far as is known; without a registry, any deployment is.
  const isOfPublished = ({ registryDigest }: VersionDeployment): boolean =>
    publish === undefined ||
    (registryDigest !== undefined && (inRegistry === undefined || registryDigest === inRegistry.digest));
  const candidate = kept.deployment;
  if (candidate !== undefined && candidate.workspace === workspace && isOfPublished(candidate))
    return candidate;
  if (entry === undefined || workspace === undefined) return undefined;
  const failedHere =
    entry.failure !== null &&
    entry.failure.stage !== "verify" &&
    (entry.failure.workspace === undefined || entry.failure.workspace === workspace);
  if (failedHere) return undefined;
  const { status, deployment } = inWorkspace(entry, workspace);
  if (deployment === null || !isOfPublished(deployment)) return undefined;
  // It is deployed, but a verification that failed must not outlast its failure.
  return status === "failed" ? { ...deployment, verification: null } : deployment;
}

function placeSteps(facts: Facts, version: Version): Placed {
  const { workspace, request } = facts;
  const { inRegistry, standing, verification } = version;
  const push =
    facts.publish === undefined
      ? skip("there is no registry")
      : inRegistry === undefined
        ? perform(request.force ? "--force" : "the registry may not have the proven image")
        : isUnsigned(facts, version)
          ? perform(`its provenance and SBOM are not signed by ${String(request.signer?.id)}`)
          : reuse(`${inRegistry.reference} is ${inRegistry.digest.slice(0, 19)}`);
  const deploy =
    standing === undefined
      ? perform(request.force ? "--force" : `the workspace ${workspace ?? "in use"} does not have it`)
      : reuse(`${standing.image} is in ${standing.workspace}`);
  const verify = verification === undefined ? VERIFIED : reuse("it has passed these checks");
  return placed(request, { push, deploy, verify });
}

function verificationProof(
  { workspace, checksDigest, done, request }: Facts,
  entry: ManifestEntry | undefined,
  { image, verification }: VersionDeployment,
): Verification | undefined {
  const isOpen = request.force && !done.includes("verify");
  const recorded = entry === undefined || isOpen ? null : inWorkspace(entry, workspace).verification;
  const isProof = (one: Verification | null): boolean =>
    one?.image === image && proves(one, checksDigest, request.allowSkipped);
  return [verification, recorded].find(isProof) ?? undefined;
}

type Placed = Pick<Steps, "push" | "deploy" | "verify">;

/** The steps in the registry and on Blaxel, as far as they are asked for. */
function placed({ deploy, verify }: PlanRequest, steps: Placed): Placed {
  const no = skip("not requested");
  if (!deploy) return { push: no, deploy: no, verify: no };
  return verify ? steps : { ...steps, verify: no };
}
