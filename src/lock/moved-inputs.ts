import { resolveImage } from "../registry/index";
import { headBelow } from "../apt/index";
import type { Downloads } from "../support/network/downloads";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { availablePackages } from "./available-versions";
import { downloadFacts } from "./further-inputs";
import { downloadsOf, imagesOf, type Lock, type LockedImage } from "./lock";
import { mesaRepository, type Upstream } from "./upstream";

/** A sentence for each tag of a lock that points at something else now. Throws REGISTRY_* if a registry does not respond. */
export async function movedTags(
  host: Host,
  lock: Lock,
  upstream: Upstream,
  downloads: Downloads,
): Promise<readonly string[]> {
  const one = async (image: LockedImage): Promise<readonly string[]> => {
    const name = `${image.repository}:${image.tag}`;
    try {
      const now = await resolveImage(host, name, { mirror: upstream.mirrors.images, downloads });
      return now.platformDigest === image.platformDigest
        ? []
        : [`${name} now points at ${now.platformDigest}; locked is ${image.platformDigest}`];
    } catch (error) {
      if (error instanceof Failure && error.code === "IMAGE_NOT_FOUND") return [`${name} no longer exists`];
      throw error;
    }
  };
  return (await Promise.all(imagesOf(lock).map(([, image]) => one(image)))).flat();
}

/** A sentence for each download of a lock that has changed at its address. Throws DOWNLOAD_UNREACHABLE. */
export async function changedDownloads(
  host: Host,
  lock: Lock,
  upstream: Upstream,
  downloads: Downloads,
): Promise<readonly string[]> {
  const found = await Promise.all(
    downloadsOf(lock).map(async ([what, { url, sha256 }]) => {
      try {
        const now = await downloadFacts(what, url, upstream.mirrors.downloads, downloads);
        return now.sha256 === sha256
          ? []
          : [`${what}: ${url} now has sha256 ${now.sha256}; locked is ${sha256}`];
      } catch (error) {
        if (error instanceof Failure && error.code === "DOWNLOAD_MISSING")
          return [`${what}: ${url} no longer exists`];
        throw error;
      }
    }),
  );
  return found.flat();
}

/**
 * A sentence for each difference between the locked .deb and the repository's. Asks the index where the upstream is signed, else the file
 * itself for its size. Throws if the repository does not respond or does not verify.
 */
export async function changedDeb(
  host: Host,
  { deb }: Lock,
  upstream: Upstream,
  downloads: Downloads,
): Promise<readonly string[]> {
  const what = `${deb.package} ${deb.version}`;
  if (upstream.mesa.vouched === "signed") {
    const listed = await availablePackages(host, upstream, downloads);
    const same = listed?.filter(({ version }) => version === deb.version) ?? [];
    if (same.length === 0) return [`${what} is no longer listed by ${upstream.mesa.repository}`];
    if (same.some(({ sha256 }) => sha256 === deb.sha256)) return [];
    return [`${what} has sha256 ${same[0]?.sha256 ?? ""} in the repository now; locked is ${deb.sha256}`];
  }
  const answer = await headBelow(host, mesaRepository(upstream), deb.url);
  if (answer.status === 404 || answer.status === 410)
    return [`${deb.url} no longer exists (${String(answer.status)})`];
  const size = answer.headers.get("content-length");
  return answer.status === 200 && size !== null && Number(size) !== deb.size
    ? [`${deb.url} has ${size} bytes now; locked are ${String(deb.size)}`]
    : [];
}
