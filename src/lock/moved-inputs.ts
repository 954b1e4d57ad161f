import { headBelow } from "../apt/index";
import { unlessFailed } from "../support/errors";
import { downloadFacts } from "./further-inputs";
import { downloadsOf, imagesOf, type Lock } from "./lock";
import { availablePackages } from "./mesa-packages";
import { imageNow, mesaRepository, type Sources } from "./sources";

/** A sentence for each tag of a lock that points at something else now. Throws REGISTRY_* if a registry does not respond. */
export function movedTags(sources: Sources, lock: Lock): Promise<readonly string[]> {
  return sentences(imagesOf(lock), async ([, image]) => {
    const name = `${image.repository}:${image.tag}`;
    const now = await unlessFailed("IMAGE_NOT_FOUND", imageNow(sources, name));
    if (now === undefined) return `${name} no longer exists`;
    return now.platformDigest === image.platformDigest
      ? undefined
      : `${name} now points at ${now.platformDigest}; locked is ${image.platformDigest}`;
  });
}

/** A sentence for each download of a lock that has changed at its address. Throws DOWNLOAD_UNREACHABLE. */
export function changedDownloads(sources: Sources, lock: Lock): Promise<readonly string[]> {
  return sentences(downloadsOf(lock), async ([what, { url, sha256 }]) => {
    const now = await unlessFailed("DOWNLOAD_MISSING", downloadFacts(sources, what, url));
    if (now === undefined) return `${what}: ${url} no longer exists`;
    return now.sha256 === sha256
      ? undefined
      : `${what}: ${url} now has sha256 ${now.sha256}; locked is ${sha256}`;
  });
}

async function sentences<T>(
  inputs: readonly T[],
  about: (input: T) => Promise<string | undefined>,
): Promise<readonly string[]> {
  return (await Promise.all(inputs.map(about))).filter((sentence) => sentence !== undefined);
}

/**
 * A sentence for each difference between the locked .deb and the repository's. Asks the index where the upstream is signed, else the file
 * itself for its size. Throws if the repository does not respond or does not verify.
 */
export async function changedDeb(sources: Sources, { deb }: Lock): Promise<readonly string[]> {
  const what = `${deb.package} ${deb.version}`;
  const { vouched, repository } = sources.upstream.mesa;
  if (vouched === "signed") {
    const listed = await availablePackages(sources);
    const same = listed?.filter(({ version }) => version === deb.version) ?? [];
    if (same.length === 0) return [`${what} is no longer listed by ${repository}`];
    if (same.some(({ sha256 }) => sha256 === deb.sha256)) return [];
    return [`${what} has sha256 ${same[0]?.sha256 ?? ""} in the repository now; locked is ${deb.sha256}`];
  }
  const { status, headers } = await headBelow(mesaRepository(sources), deb.url);
  if (status === 404 || status === 410) return [`${deb.url} no longer exists (${String(status)})`];
  // Object stores answer 403 for what is not there. 405: no HEAD there, so nothing is known.
  if (status !== 200) return status === 405 ? [] : [`${deb.url} is not available (${String(status)})`];
  const size = headers.get("content-length");
  return size === null || Number(size) === deb.size
    ? []
    : [`${deb.url} has ${size} bytes now; locked are ${String(deb.size)}`];
}
