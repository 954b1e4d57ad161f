import { fetchDeb, mesaVersionOf, peekPackages, type FetchedDeb } from "../apt/index";
import { isoTime } from "../support/clock";
import { Failure, refusal } from "../support/errors";
import type { Host } from "../support/host";
import type { Lock, LockedDeb } from "./lock";
import { versionNotFound } from "./mesa-packages";
import { mesaRepository, type Sources } from "./sources";

/**
 * What locks say of a downloaded file: one that pins other bytes (`by`: its template and Mesa version, for people), whether it is new to all of
 * them, and its first download.
 */
export function seenBefore(
  { url, sha256 }: Pick<LockedDeb, "url" | "sha256">,
  locks: readonly Lock[],
  { clock }: Host,
) {
  const pinned = locks.flatMap((lock) =>
    [lock.deb, ...Object.values(lock.downloads ?? {})]
      .filter((file) => file.url === url)
      .map((file) => ({ ...file, by: `${lock.template} ${lock.mesaVersion}` })),
  );
  const [downloadedAt = isoTime(clock.now())] = pinned.flatMap(({ vouched }) =>
    vouched.by === "first-download" ? vouched.downloadedAt : [],
  );
  return { other: pinned.find((one) => one.sha256 !== sha256), isNew: pinned.length === 0, downloadedAt };
}

/**
 * The .deb of a Mesa version from its pool address. Only its first download vouches for it: a warning says so, and later downloads must
 * match every lock that names it (`locks`: those below the root, the one that is resolved again first).
 * @throws Failure MESA_VERSION_NOT_FOUND, DEB_CHANGED, DEB_VERSION_DIFFERS, DEB_PACKAGE_DIFFERS, DEB_ARCHITECTURE_DIFFERS, DEB_UNREADABLE
 * (exit 4)
 */
export async function firstDownloadDeb(
  sources: Sources,
  template: string,
  mesaVersion: string,
  locks: readonly Lock[],
): Promise<LockedDeb> {
  const { host, upstream } = sources;
  const deb = await downloaded(sources, mesaVersion);
  const { other, isNew, downloadedAt } = seenBefore(deb, locks, host);
  if (other !== undefined) {
    throw refusal(
      "DEB_CHANGED",
      `${deb.url} has changed since it was first locked: sha256 ${other.sha256} then, for ${other.by}, and ${deb.sha256} now, for ${template} ${mesaVersion}.`,
      "A published version was replaced, in the repository or in transit. Do not use it until its owner has explained why.",
    );
  }
  checkFields(deb, upstream.mesa.package, mesaVersion);
  if (isNew) {
    host.emit({
      type: "warning",
      template,
      message: `${deb.url} is not signed: its sha256 ${deb.sha256} comes from this first download, and every later download must match it (upstream.toml: vouched = "first-download")`,
    });
  }
  return { ...deb, architecture: "amd64", vouched: { by: "first-download", downloadedAt } };
}

async function downloaded(sources: Sources, mesaVersion: string): Promise<FetchedDeb> {
  const repository = mesaRepository(sources);
  try {
    return await fetchDeb(
      repository,
      (sources.upstream.mesa.pool ?? "").replaceAll("{version}", mesaVersion),
    );
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "DEB_MISSING") throw error;
    const shown = await peekPackages(repository).catch((trouble: unknown) => {
      if (trouble instanceof Failure) return undefined;
      throw trouble;
    });
    throw versionNotFound(sources.upstream, mesaVersion, shown);
  }
}

function checkFields(deb: FetchedDeb, name: string, mesaVersion: string): void {
  const hint = "Check mesa.pool and mesa.package in upstream.toml.";
  if (deb.package !== name)
    throw refusal("DEB_PACKAGE_DIFFERS", `${deb.url} is the package "${deb.package}", not "${name}".`, hint);
  if (mesaVersionOf(deb.version) !== mesaVersion)
    throw refusal("DEB_VERSION_DIFFERS", `${deb.url} has version ${deb.version}, not ${mesaVersion}.`, hint);
  if (deb.architecture !== "amd64")
    throw refusal("DEB_ARCHITECTURE_DIFFERS", `${deb.url} is for ${deb.architecture}, not amd64.`, hint);
}
