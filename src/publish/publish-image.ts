import type { Engine } from "../docker/index";
import { provenImage } from "../docker/saved-image/index";
import type { PublishTarget } from "../lock/upstream";
import { heldImage, type HeldImage } from "../registry/resolve-image";
import { loginToImport, loginToPush } from "../registry/logins";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { partsOf, type Published } from "./published";

/** The image to publish, and the target. */
export interface PublishRequest {
  /** registry/path:tag */
  readonly reference: string;
  /** Config digest of the image that passed smoke. */
  readonly imageId: string;
  /** Its name on the engine, e.g. mesa-template/debian:0.20.0-0123456789ab */
  readonly builtReference: string;
  /** The digests that the manifest has of this version: what the reference points at may be replaced if it is one of them. */
  readonly recorded: readonly (string | undefined)[];
  /** Replace the tag whatever it points at. */
  readonly force: boolean;
  readonly onProgress: (message: string) => void;
}

/**
 * Pushes a proven image to a registry. The registry's answer afterwards counts, not the engine's.
 * @param engine connected only if something has to be pushed
 * @throws Failure PUSH_REFUSED, REGISTRY_REFUSED, IMAGE_GONE (exit 3), PUSHED_IMAGE_DIFFERS, REGISTRY_WRONG_BYTES (exit 4), TAG_TAKEN,
 * PUSH_FAILED (exit 7)
 */
export async function publishImage(
  host: Host,
  engine: () => Promise<Engine>,
  request: PublishRequest,
): Promise<{ readonly published: Published; readonly reused: boolean }> {
  const { reference, imageId, builtReference, recorded, force, onProgress } = request;
  const { repository, tag } = partsOf(reference);
  const login = await loginToPush(host, repository);
  const before = await heldImage(host, reference);
  if (before !== undefined && before.config === imageId)
    return { published: { reference, digest: before.digest }, reused: true };
  if (before !== undefined && !recorded.includes(before.digest) && !force) throw tagTaken(reference, before);
  onProgress(`to ${reference}`);
  const connected = await engine();
  const image = await provenImage(connected, { configDigest: imageId, reference: builtReference });
  await connected.push({ image: image.reference, repository, tag, login, onProgress });
  const after = await heldImage(host, reference);
  if (after === undefined || after.config !== imageId) throw differs(reference, imageId, after);
  const published = { reference, digest: after.digest };
  await confirmPublished(host, published);
  return { published, reused: false };
}

/**
 * Checks that a registry still has a published image, by tag and by digest.
 * @throws Failure TAG_MOVED (exit 7), PUBLISHED_IMAGE_GONE, REGISTRY_WRONG_BYTES (exit 4), REGISTRY_REFUSED (exit 3)
 */
export async function confirmPublished(host: Host, published: Published): Promise<void> {
  const { reference, digest } = published;
  const [tagged, held] = [
    await heldImage(host, reference),
    await heldImage(host, importReference(published)),
  ];
  if (held === undefined)
    throw new Failure({
      code: "PUBLISHED_IMAGE_GONE",
      kind: "upstream",
      message: `The registry no longer has ${importReference(published)}, which was pushed as ${reference}.`,
      hint: "Something removed it (a retention rule?). Nothing was deployed; release with --force to build, prove and push it again.",
    });
  if (tagged?.digest !== digest)
    throw new Failure({
      code: "TAG_MOVED",
      kind: "deploy",
      message: `${reference} was pushed as ${digest} and now ${tagged === undefined ? "does not exist" : `points at ${tagged.digest}`}: something else pushes to it.`,
      hint: "Nothing was deployed. Find out who moved it; release with --force to build, prove and push this version again.",
    });
}

/** The reference by digest for Blaxel. */
export function importReference({ reference, digest }: Published): string {
  return `${partsOf(reference).repository}@${digest}`;
}

/** A published image in the form that Blaxel imports. Failures as in loginToImport. */
export async function importSource(host: Host, published: Published, target: PublishTarget) {
  const reference = importReference(published);
  return {
    reference,
    digest: published.digest,
    dockerConfig: await loginToImport(host, reference, { always: target.private }),
    confirm: () => confirmPublished(host, published),
  };
}

function tagTaken(reference: string, { digest }: HeldImage): Failure {
  return new Failure({
    code: "TAG_TAKEN",
    kind: "deploy",
    message: `${reference} is taken: it points at ${digest}, which is neither the proven image nor one that this project recorded.`,
    hint: "Another branch may have released this revision: merge its dockerfiles/manifest.json, and the next release makes the next revision. Another project may push to the same path: choose another one. To replace the image: --force.",
  });
}

function differs(reference: string, imageId: string, after: HeldImage | undefined): Failure {
  return new Failure({
    code: "PUSHED_IMAGE_DIFFERS",
    kind: "upstream",
    message: `${imageId} was pushed as ${reference}, but the registry ${after === undefined ? "has no such tag" : `answers with the image ${after.config}`}.`,
    hint: "Nothing was deployed. Another client pushes to the same tag, or the engine or the registry rewrites images (Podman does so when it converts their format).",
  });
}
