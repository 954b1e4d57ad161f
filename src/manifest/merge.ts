import { canonicalJson } from "../support/text/canonical-json";
import { Failure } from "../support/errors";
import { contradictions } from "./check";
import type {
  ChannelMove,
  Manifest,
  ManifestEntry,
  Revocation,
  VersionDeployment,
  VersionStatus,
} from "./entry";
import { isGone, reachedStatus } from "./versions/in-workspace";

/** The states of a version by progress, which decides between two of them with the same time. */
const PROGRESS: readonly VersionStatus[] = ["smoked", "failed", "deployed", "verified", "revoked", "removed"];

/** Both records in one; `merge` decides what stands under a key of both. */
function joined<T>(
  ours: Readonly<Record<string, T>>,
  theirs: Readonly<Record<string, T>>,
  merge: (one: T, other: T, key: string) => T,
): Record<string, T> {
  const all = new Map(Object.entries(ours));
  for (const [key, other] of Object.entries(theirs)) {
    const one = all.get(key);
    all.set(key, one === undefined ? other : merge(one, other, key));
  }
  return Object.fromEntries(all);
}

/** The later of two revocations: the newer one or, for the same one, the state in which it was lifted. */
function laterRevocation(one: Revocation | undefined, other: Revocation | undefined): Revocation | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const key = (revocation: Revocation): string =>
    `${revocation.at} ${revocation.lifted?.at ?? ""} ${canonicalJson(revocation)}`;
  return key(one) >= key(other) ? one : other;
}

/** The later of two deployments to the same workspace: the last one removed, deployed or verified. */
function laterDeployment(one: VersionDeployment, other: VersionDeployment): VersionDeployment {
  const key = (deployment: VersionDeployment): string => {
    const { removedAt = "", deployedAt, verification } = deployment;
    return `${deployedAt} ${removedAt} ${verification?.at ?? ""} ${canonicalJson(deployment)}`;
  };
  return key(one) >= key(other) ? one : other;
}

/**
 * An entry's failure, as far as it still holds beside the joined deployments: it belongs to the deployment of its workspace and stands
 * or falls with that. Without one, that of the later entry holds.
 */
function standingFailure(
  { failure, deployments }: ManifestEntry,
  joint: ManifestEntry["deployments"],
  isLater: boolean,
): ManifestEntry["failure"] {
  const won = joint[failure?.workspace ?? ""];
  const holds =
    won === undefined ? isLater : canonicalJson(won) === canonicalJson(deployments[won.workspace]);
  return holds ? failure : null;
}

/**
 * Merges two states of the same version. Joins deployments by workspace, and a failure follows its workspace's deployment; a revocation
 * holds until lifted, and removal unless a workspace has the image. For everything else the last change counts, else the further status.
 * @returns undefined if they are different versions (other inputs, another build), or if it is unclear which one is later
 */
function mergeEntries(one: ManifestEntry, other: ManifestEntry): ManifestEntry | undefined {
  if (canonicalJson(one) === canonicalJson(other)) return one;
  if (one.inputsDigest !== other.inputsDigest || one.createdAt !== other.createdAt) return undefined;
  const later = laterEntry(one, other);
  if (later === undefined) return undefined;
  const revocation = laterRevocation(one.revocation, other.revocation);
  const deployments = joined(one.deployments, other.deployments, laterDeployment);
  const earlier = later === one ? other : one;
  const merged = {
    ...later,
    deployments,
    failure: standingFailure(later, deployments, true) ?? standingFailure(earlier, deployments, false),
    ...(revocation === undefined ? {} : { revocation }),
  };
  const removed = [one.status, other.status].includes("removed") && isGone(merged.deployments);
  const revoked = revocation !== undefined && revocation.lifted === undefined;
  return { ...merged, status: removed ? "removed" : revoked ? "revoked" : reachedStatus(merged) };
}

function laterEntry(one: ManifestEntry, other: ManifestEntry): ManifestEntry | undefined {
  const [a, b] = [one.updatedAt ?? "", other.updatedAt ?? ""];
  if (a !== b) return a > b ? one : other;
  const reached = PROGRESS.indexOf(one.status) - PROGRESS.indexOf(other.status);
  if (reached !== 0) return reached > 0 ? one : other;
  // The same but for what is joined, as one is when the other was merged into it: only a failure can depend on the order.
  const apart = (entry: ManifestEntry): string =>
    canonicalJson({ ...entry, deployments: {}, failure: null, revocation: undefined });
  if (apart(one) !== apart(other)) return undefined;
  return canonicalJson(one.failure) >= canonicalJson(other.failure) ? one : other;
}

/** Merges two histories: every move once, oldest first. */
function mergeHistory(ours: readonly ChannelMove[], theirs: readonly ChannelMove[]): ChannelMove[] {
  const moves = new Map([...ours, ...theirs].map((move) => [`${move.at} ${canonicalJson(move)}`, move]));
  return [...moves].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, move]) => move);
}

function conflict(what: string): Failure {
  return new Failure({
    code: "MANIFEST_MERGE_CONFLICT",
    kind: "manifest",
    message: `The two manifests disagree about ${what}, and nothing shows which one is newer.`,
    hint: "Decide which one is right and remove the other one before merging.",
  });
}

/** Each channel points where its newest move went. A channel without moves must be the same on both sides. */
function mergeChannels(
  ours: Manifest,
  theirs: Manifest,
  history: readonly ChannelMove[],
): Manifest["channels"] {
  const name = (template: string, channel: string | null): string => `${template}/${channel ?? ""}`;
  const moved = new Map(history.map(({ template, channel, to }) => [name(template, channel), to]));
  const channels = joined(ours.channels, theirs.channels, (one, other, template) =>
    joined(one, other, (held, id, channel) => {
      if (held !== id && !moved.has(name(template, channel)))
        throw conflict(`the channel ${channel} of ${template}`);
      return held;
    }),
  );
  return Object.fromEntries(
    Object.entries(channels).map(([template, byName]) => {
      const current = Object.entries(byName).flatMap(([channel, id]) => {
        const newest = moved.get(name(template, channel));
        return newest === null ? [] : [[channel, newest ?? id] as const];
      });
      return [template, Object.fromEntries(current)];
    }),
  );
}

/** The newer of two schema versions with the same major number. */
function newerSchema(a: string, b: string): string {
  return Number(a.split(".")[1]) >= Number(b.split(".")[1]) ? a : b;
}

/**
 * Merges the manifests of two runs by entry. Of two states of an entry the later one wins; if it is unclear
 * which one is later, that is a conflict. Channels follow the newest move. The result does not depend on
 * order or repetition.
 * @throws Failure MANIFEST_MERGE_CONFLICT (exit 8)
 */
export function mergeManifests(ours: Manifest, theirs: Manifest): Manifest {
  const history = mergeHistory(ours.history, theirs.history);
  const merged: Manifest = {
    ...theirs,
    ...ours,
    schemaVersion: newerSchema(ours.schemaVersion, theirs.schemaVersion),
    versions: joined(ours.versions, theirs.versions, (one, other, id) => {
      const later = mergeEntries(one, other);
      if (later === undefined) throw conflict(id);
      return later;
    }),
    channels: mergeChannels(ours, theirs, history),
    history,
  };
  const [found] = contradictions(merged);
  if (found !== undefined)
    throw new Failure({
      code: "MANIFEST_MERGE_CONFLICT",
      kind: "manifest",
      message: `The merged manifest would contradict itself: ${found.where}: ${found.message}.`,
      hint: "Move the channel to another version in the manifest where it points there (promote, rollback), then merge again.",
    });
  return canonicalJson(merged) === canonicalJson(ours) ? ours : merged;
}
