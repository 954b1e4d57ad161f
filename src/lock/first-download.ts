import { fetchDeb, mesaVersionOf, mesaVersionsIn, peekPackages, refusal } from "../apt/index";
import { isoTime } from "../support/clock";
import type { Downloads } from "../support/downloads";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import type { Lock, LockedDeb } from "./lock";
import { mesaRepository } from "./mesa-repository";
import { versionNotFound } from "./signed-deb";
import type { Upstream } from "./upstream";

/**
 * The .deb of a Mesa version from its pool address, vouched for by nothing but its first download: said as a warning, kept in the lock,
 * and held against `previous` (the lock that is resolved anew) ever after. Refusals: MESA_VERSION_NOT_FOUND, DEB_CHANGED, DEB_VERSION_DIFFERS,
 * DEB_PACKAGE_DIFFERS, DEB_ARCHITECTURE_DIFFERS, DEB_UNREADABLE.
 */
export async function firstDownloadDeb(
  host: Host,
  template: string,
  upstream: Upstream,
  downloads: Downloads,
  mesaVersion: string,
  previous: Lock | undefined,
): Promise<LockedDeb> {
  const deb = await downloaded(host, upstream, downloads, mesaVersion);
  const before = previous?.deb;
  if (before?.url === deb.url && before.sha256 !== deb.sha256) {
    throw refusal(
      "DEB_CHANGED",
      `${deb.url} is not what it was when it was first locked: sha256 ${before.sha256} then, ${deb.sha256} now.`,
      "A published version was replaced, in the repository or on the way. Do not use it before its owner has said why.",
    );
  }
  checkFields(deb, upstream.mesa.package, mesaVersion);
  const known = before !== undefined && before.sha256 === deb.sha256;
  if (!known) {
    host.emit({
      type: "warning",
      template,
      message: `nobody vouches for ${deb.url}: its sha256 ${deb.sha256} is taken from this first download and held against every later one (upstream.toml: vouched = "first-download")`,
    });
  }
  const downloadedAt =
    known && before.vouched.by === "first-download" ? before.vouched.downloadedAt : isoTime(host.clock.now());
  return {
    package: deb.package,
    version: deb.version,
    architecture: "amd64",
    url: deb.url,
    size: deb.size,
    sha256: deb.sha256,
    depends: deb.depends,
    vouched: { by: "first-download", downloadedAt },
  };
}

async function downloaded(
  host: Host,
  upstream: Upstream,
  downloads: Downloads,
  mesaVersion: string,
): ReturnType<typeof fetchDeb> {
  const path = (upstream.mesa.pool ?? "").replaceAll("{version}", mesaVersion);
  try {
    return await fetchDeb(host, mesaRepository(upstream), downloads, path);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "DEB_MISSING") throw error;
    throw versionNotFound(upstream, mesaVersion, await versionsIfShown(host, upstream, downloads));
  }
}

/** Versions named by an index nobody vouches for; none when it shows none. */
async function versionsIfShown(
  host: Host,
  upstream: Upstream,
  downloads: Downloads,
): Promise<readonly string[]> {
  try {
    return mesaVersionsIn((await peekPackages(host, mesaRepository(upstream), downloads)) ?? []);
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
}

function checkFields(deb: Awaited<ReturnType<typeof fetchDeb>>, name: string, mesaVersion: string): void {
  if (deb.package !== name)
    throw refusal(
      "DEB_PACKAGE_DIFFERS",
      `${deb.url} is the package "${deb.package}", not "${name}".`,
      NOT_WHAT_IT_SAYS,
    );
  if (mesaVersionOf(deb.version) !== mesaVersion) {
    throw refusal(
      "DEB_VERSION_DIFFERS",
      `${deb.url} says it is version "${deb.version}", and ${mesaVersion} was asked for.`,
      NOT_WHAT_IT_SAYS,
    );
  }
  if (deb.architecture !== "amd64")
    throw refusal(
      "DEB_ARCHITECTURE_DIFFERS",
      `${deb.url} is for "${deb.architecture}", not for amd64.`,
      NOT_WHAT_IT_SAYS,
    );
}

const NOT_WHAT_IT_SAYS = "Check mesa.pool and mesa.package in upstream.toml.";
