import { fetchPackages, fetchRelease, mesaVersionsIn, peekPackages } from "../apt/index";
import { openDownloads } from "../support/downloads";
import type { Host } from "../support/host";
import { mesaRepository } from "./mesa-repository";
import { trustedKey } from "./trusted-key";
import type { Upstream } from "./upstream";

/**
 * The Mesa versions the repository lists, oldest first. With `signed` upstreams from the verified index; else from whatever index it shows,
 * which is good for telling people and for nothing else. undefined when it shows none. Failures as in resolveLock.
 */
export async function availableVersions(
  host: Host,
  upstream: Upstream,
  cacheDir: string,
): Promise<readonly string[] | undefined> {
  const downloads = openDownloads(host, cacheDir);
  const repository = mesaRepository(upstream);
  if (upstream.mesa.vouched === "first-download") {
    const shown = await peekPackages(host, repository, downloads);
    return shown === undefined ? undefined : mesaVersionsIn(shown);
  }
  const { key } = await trustedKey(upstream, downloads, undefined);
  const release = await fetchRelease(host, repository, downloads, key, undefined);
  return mesaVersionsIn((await fetchPackages(host, repository, downloads, release)).packages);
}
