import { generationOf } from "../mesa/generation";
import { parseImageReference } from "../registry/index";
import { isoTime } from "../support/clock";
import { Failure } from "../support/errors";
import { paths } from "../support/files/paths";
import { firstDownloadDeb } from "./first-download";
import { lockedDownload } from "./further-inputs";
import { isSealed, locksBelow, sameInputs, sealed } from "./lock-file";
import type { Lock, LockedDeb, LockedImage, LockInputs } from "./lock";
import { signedDeb } from "./mesa-packages";
import { parseMesaVersion } from "./mesa-version";
import { imageNow, type Sources } from "./sources";
import { pinTrustedKey, trustedKey } from "./trusted-key";

export interface LockRequest {
  readonly template: string;
  readonly settings: LockInputs;
  readonly mesaVersion: string;
  /** Holds the locks whose first downloads must not change. */
  readonly root: string;
  /** The lock that is resolved again: its index must not be newer, and its first download must not change. */
  readonly previous?: Lock | undefined;
  /** Fingerprint of the repository key to trust on first use; it is then written to upstream.toml. */
  readonly trustKey?: string | undefined;
}

/**
 * Resolves all inputs of one (template, Mesa version): base image, sandbox-api and the .deb, in parallel, in at most a dozen requests. The
 * same answers give the same lock except for times. If only times and the index around an unchanged .deb differ, returns `previous` itself.
 * Failures: usage (template.toml or upstream.toml cannot be locked), environment (no response), upstream (an input does not verify or
 * exist).
 */
export async function resolveLock(sources: Sources, request: LockRequest): Promise<Lock> {
  const mesaVersion = parseMesaVersion(request.mesaVersion);
  const { host, upstream } = sources;
  const { template, previous } = request;
  const base = request.settings.base.image;
  checkBase(base, template);
  const locks = [
    ...(previous === undefined ? [] : [previous]),
    ...(await locksBelow(paths(request.root).dockerfiles)),
  ];
  const [baseImage, sandboxApi, deb, images, files] = await allOrFirstFailure([
    lockedImage(sources, base),
    lockedImage(sources, upstream.sandboxApi.image),
    lockedDeb(sources, { ...request, mesaVersion }, locks),
    named(request.settings.images, ({ image }) => lockedImage(sources, image)),
    named(request.settings.downloads, (input, name) => lockedDownload(sources, template, name, input, locks)),
  ]);
  const lock = sealed({
    schemaVersion: 1,
    template,
    mesaVersion,
    generation: generationOf(mesaVersion).name,
    base: baseImage,
    sandboxApi,
    deb,
    images,
    downloads: files,
    snapshot: upstream.snapshot,
    lockedAt: isoTime(host.clock.now()),
  });
  return previous !== undefined && isSealed(previous) && sameInputs(previous, lock) ? previous : lock;
}

/** Like Promise.all, but waits until all parts have ended before it throws the first failure. */
async function allOrFirstFailure<T extends readonly unknown[]>(parts: {
  readonly [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  await Promise.allSettled(parts);
  return await Promise.all(parts);
}

/** Locks named inputs in parallel; undefined if there are none. */
async function named<T, U>(
  inputs: Readonly<Record<string, T>>,
  lock: (input: T, name: string) => Promise<U>,
): Promise<Readonly<Record<string, U>> | undefined> {
  const entries = Object.entries(inputs);
  if (entries.length === 0) return undefined;
  const locked = await allOrFirstFailure(entries.map(([name, input]) => lock(input, name)));
  return Object.fromEntries(entries.map(([name], index) => [name, locked[index] as U]));
}

async function lockedImage(sources: Sources, image: string): Promise<LockedImage> {
  return { ...(await imageNow(sources, image)), resolvedAt: isoTime(sources.host.clock.now()) };
}

async function lockedDeb(
  sources: Sources,
  { mesaVersion, previous, template, trustKey }: LockRequest,
  locks: readonly Lock[],
): Promise<LockedDeb> {
  const { host, upstream } = sources;
  if (upstream.mesa.vouched === "first-download")
    return firstDownloadDeb(sources, template, mesaVersion, locks);
  const trusted = await trustedKey(sources, trustKey);
  const deb = await signedDeb(sources, trusted, mesaVersion, previous);
  if (upstream.mesa.fingerprint === undefined) await pinTrustedKey(upstream, trusted);
  if (previous !== undefined && previous.deb.url === deb.url && previous.deb.sha256 !== deb.sha256) {
    host.emit({
      type: "warning",
      template,
      message: `${deb.url} was replaced since the last lock: sha256 ${previous.deb.sha256} then, ${deb.sha256} now (both are signed with the repository's key)`,
    });
  }
  return deb;
}

/**
 * An Alpine tag must name a minor version (3.22, 3.22.1): packages disappear from Alpine's repositories with each minor, and edge moves.
 */
function checkBase(image: string, template: string): void {
  const { path, tag, digest } = parseImageReference(image);
  const isAlpine = path.split("/").at(-1) === "alpine";
  if (isAlpine ? /^\d+\.\d+(?:[.-].*)?$/u.test(tag ?? "") : tag !== undefined) return;
  const only =
    digest === undefined ? "" : ", only a digest: without a tag there is no newer version to look for";
  throw new Failure({
    code: "BASE_NOT_PINNED",
    kind: "usage",
    message: `The base image ${image} ${isAlpine ? `names no Alpine minor: ${tag ?? "a missing tag"} moves from one to the next` : `has no tag${only}`}.`,
    hint: `Write one in template.toml, like docker.io/library/${isAlpine ? "alpine:3.22" : "debian:bookworm-slim"}.`,
    template,
  });
}
