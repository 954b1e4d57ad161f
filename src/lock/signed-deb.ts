import {
  fetchListedDeb,
  fetchPackages,
  fetchRelease,
  mesaVersionsIn,
  packageFor,
  refusal,
} from "../apt/index";
import type { Downloads } from "../support/network/downloads";
import { isoTime } from "../support/clock";
import type { Host } from "../support/host";
import type { Lock, LockedDeb } from "./lock";
import type { TrustedKey } from "./trusted-key";
import { mesaRepository, type Upstream } from "./upstream";

/**
 * The .deb of a Mesa version, verified by the repository's signature chain: key → Release → Packages → .deb → the .deb's own control file.
 * The index of `previous`, the lock that is resolved again, must not be newer than the one found. Failures: those of the apt room,
 * MESA_VERSION_NOT_FOUND.
 */
export async function signedDeb(
  host: Host,
  upstream: Upstream,
  downloads: Downloads,
  trusted: TrustedKey,
  mesaVersion: string,
  previous: Lock | undefined,
): Promise<LockedDeb> {
  const repository = mesaRepository(upstream);
  const chainBefore = previous?.deb.vouched.by === "signed" ? previous.deb.vouched.chain : undefined;
  const notBefore = chainBefore === undefined ? undefined : Date.parse(chainBefore.release.date);
  const verified = await fetchRelease(host, repository, downloads, trusted.key, notBefore);
  const index = await fetchPackages(repository, downloads, verified);
  const listed = packageFor(index.packages, mesaVersion);
  if (listed === undefined) throw versionNotFound(upstream, mesaVersion, mesaVersionsIn(index.packages));
  const deb = await fetchListedDeb(repository, downloads, listed);
  const { release } = verified;
  return lockedFrom(deb, {
    by: "signed",
    chain: {
      release: {
        url: verified.url,
        form: verified.form,
        sha256: verified.sha256,
        date: isoTime(release.date),
        ...(release.validUntil === undefined ? {} : { validUntil: isoTime(release.validUntil) }),
      },
      key: { fingerprint: trusted.fingerprint, signedBy: verified.signedBy, file: trusted.file },
      index: { url: index.url, path: index.path, sha256: index.sha256, size: index.size },
    },
  });
}

/** A fetched .deb as a lock stores it. */
export function lockedFrom(
  { package: name, version, url, size, sha256, depends }: Omit<LockedDeb, "architecture" | "vouched">,
  vouched: LockedDeb["vouched"],
): LockedDeb {
  return { package: name, version, architecture: "amd64", url, size, sha256, depends, vouched };
}

/** Exit 4, listing the available versions. */
export function versionNotFound(upstream: Upstream, mesaVersion: string, there: readonly string[]): Error {
  const newest = [...there].reverse();
  const shown = newest.slice(0, 20).join(", ");
  const more = newest.length > 20 ? ` and ${String(newest.length - 20)} older ones` : "";
  return refusal(
    "MESA_VERSION_NOT_FOUND",
    `Mesa ${mesaVersion} is not in ${upstream.mesa.repository}.`,
    there.length === 0
      ? "The available versions are unknown: the repository has no list."
      : `There are: ${shown}${more}.`,
  );
}
