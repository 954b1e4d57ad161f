import { fetchPackages, fetchRelease, mesaVersionsIn, peekPackages, type ListedPackage } from "../apt/index";
import type { Downloads } from "../support/network/downloads";
import type { Host } from "../support/host";
import { trustedKey } from "./trusted-key";
import { mesaRepository, type Upstream } from "./upstream";

/**
 * The Mesa packages that the repository lists: from the verified index with `signed` upstreams, else from whatever index it shows, which is
 * only good for messages. undefined without an index. Failures as in resolveLock.
 */
export async function availablePackages(
  host: Host,
  upstream: Upstream,
  downloads: Downloads,
): Promise<readonly ListedPackage[] | undefined> {
  const repository = mesaRepository(upstream);
  if (upstream.mesa.vouched === "first-download") return peekPackages(repository, downloads);
  const { key } = await trustedKey(upstream, downloads, undefined);
  const release = await fetchRelease(host, repository, downloads, key, undefined);
  return (await fetchPackages(repository, downloads, release)).packages;
}

/** The Mesa versions the repository lists, oldest first; see availablePackages. */
export async function availableVersions(
  host: Host,
  upstream: Upstream,
  downloads: Downloads,
): Promise<readonly string[] | undefined> {
  const packages = await availablePackages(host, upstream, downloads);
  return packages === undefined ? undefined : mesaVersionsIn(packages);
}
