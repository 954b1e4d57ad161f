import {
  fetchListedDeb,
  fetchPackages,
  fetchRelease,
  mesaVersionsIn,
  packageFor,
  peekPackages,
  type ListedPackage,
} from "../apt/index";
import { isoTime } from "../support/clock";
import { refusal } from "../support/errors";
import type { Lock, LockedDeb } from "./lock";
import { mesaRepository, type Sources } from "./sources";
import { trustedKey, type TrustedKey } from "./trusted-key";
import type { Upstream } from "./upstream";

/**
 * The Mesa packages that the repository lists: from the verified index with `signed` upstreams, else from whatever index it shows, which is
 * only good for messages. undefined without an index. Failures as in resolveLock.
 */
export async function availablePackages(sources: Sources): Promise<readonly ListedPackage[] | undefined> {
  const repository = mesaRepository(sources);
  if (sources.upstream.mesa.vouched === "first-download") return peekPackages(repository);
  const { key } = await trustedKey(sources, undefined);
  return (await fetchPackages(repository, await fetchRelease(repository, key, undefined))).packages;
}

/** The Mesa versions the repository lists, oldest first; see availablePackages. */
export async function availableVersions(sources: Sources): Promise<readonly string[] | undefined> {
  const packages = await availablePackages(sources);
  return packages === undefined ? undefined : mesaVersionsIn(packages);
}

/**
 * The .deb of a Mesa version, verified by the repository's signature chain: key → Release → Packages → .deb → the .deb's own control file.
 * The index of `previous`, the lock that is resolved again, must not be newer than the one found. Failures: those of the apt room,
 * MESA_VERSION_NOT_FOUND.
 */
export async function signedDeb(
  sources: Sources,
  trusted: TrustedKey,
  mesaVersion: string,
  previous: Lock | undefined,
): Promise<LockedDeb> {
  const repository = mesaRepository(sources);
  const chainBefore = previous?.deb.vouched.by === "signed" ? previous.deb.vouched.chain : undefined;
  const notBefore = chainBefore === undefined ? undefined : Date.parse(chainBefore.release.date);
  const { release, signedBy, ...file } = await fetchRelease(repository, trusted.key, notBefore);
  const { packages, ...index } = await fetchPackages(repository, { release });
  const listed = packageFor(packages, mesaVersion);
  if (listed === undefined) throw versionNotFound(sources.upstream, mesaVersion, packages);
  const deb = await fetchListedDeb(repository, listed);
  const chain = {
    release: {
      ...file,
      date: isoTime(release.date),
      validUntil: release.validUntil === undefined ? undefined : isoTime(release.validUntil),
    },
    key: { fingerprint: trusted.fingerprint, signedBy, file: trusted.file },
    index,
  };
  return { ...deb, architecture: "amd64", vouched: { by: "signed", chain } };
}

/** Exit 4, listing the available versions. @param packages all versions of the package; undefined without an index */
export function versionNotFound(
  { mesa }: Upstream,
  mesaVersion: string,
  packages: readonly ListedPackage[] | undefined,
): Error {
  const newest = mesaVersionsIn(packages ?? []).toReversed();
  const more = newest.length > 20 ? ` and ${String(newest.length - 20)} older ones` : "";
  const none =
    packages === undefined
      ? "The available versions are unknown: the repository has no list."
      : `It lists no package ${mesa.package} for amd64: check mesa.package, mesa.suite and mesa.component in upstream.toml.`;
  return refusal(
    "MESA_VERSION_NOT_FOUND",
    `Mesa ${mesaVersion} is not in ${mesa.repository}.`,
    newest.length === 0 ? none : `There are: ${newest.slice(0, 20).join(", ")}${more}.`,
  );
}
