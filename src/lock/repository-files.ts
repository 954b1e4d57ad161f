import { readFile } from "node:fs/promises";
import { refusal } from "../apt/index";
import { openDownloads, type Downloads } from "../support/downloads";
import type { Host } from "../support/host";
import { firstDownloadDeb } from "./first-download";
import type { Lock, LockedDeb } from "./lock";
import { signedDeb } from "./signed-deb";
import { trustedKey } from "./trusted-key";
import type { Upstream } from "./upstream";

/** A file of the package repository as it was fetched. */
export interface RepositoryFile {
  /** Path of its canonical address, with a slash before it. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** When the repository says it was last changed. */
  readonly lastModified: Date | undefined;
}

export interface RepositoryCopy {
  readonly files: readonly RepositoryFile[];
  /** The trusted key; undefined where no key vouches for the repository. */
  readonly key: { readonly bytes: Uint8Array; readonly fingerprint: string } | undefined;
}

/**
 * Everything that locking asks of the package repository for the .deb of a lock: the signed index, the list of packages, the .deb itself,
 * verified on the way as when it was locked. Refusals: those of resolveLock; DEB_CHANGED where the repository has another .deb for this version now.
 */
export async function repositoryFiles(
  host: Host,
  upstream: Upstream,
  cacheDir: string,
  lock: Lock,
  trustKey?: string,
): Promise<RepositoryCopy> {
  const files = new Map<string, RepositoryFile>();
  const downloads = recording(openDownloads(host, cacheDir), upstream.mirrors.packages, files);
  const { deb, key } = await fetched(host, upstream, downloads, lock, trustKey);
  if (deb.url !== lock.deb.url || deb.sha256 !== lock.deb.sha256) {
    throw refusal(
      "DEB_CHANGED",
      `The repository has ${deb.url} with sha256 ${deb.sha256} for Mesa ${lock.mesaVersion} now, and ${lock.deb.url} with ${lock.deb.sha256} is locked.`,
      `mesa-template diff shows what a fresh lock would give; mesa-template lock ${lock.mesaVersion} --relock takes it.`,
    );
  }
  return { files: [...files.values()], key };
}

async function fetched(
  host: Host,
  upstream: Upstream,
  downloads: Downloads,
  lock: Lock,
  trustKey: string | undefined,
): Promise<{ readonly deb: LockedDeb; readonly key: RepositoryCopy["key"] }> {
  if (upstream.mesa.vouched === "first-download") {
    const deb = await firstDownloadDeb(host, lock.template, upstream, downloads, lock.mesaVersion, lock);
    return { deb, key: undefined };
  }
  const trusted = await trustedKey(upstream, downloads, trustKey);
  const deb = await signedDeb(host, upstream, downloads, trusted, lock.mesaVersion, lock);
  const bytes = trusted.fetched ?? (await readFile(upstream.mesa.key?.path ?? trusted.file));
  return { deb, key: { bytes, fingerprint: trusted.fingerprint } };
}

/** Downloads that write down each whole answer of the repository under its canonical path. */
function recording(
  downloads: Downloads,
  mirror: string | undefined,
  files: Map<string, RepositoryFile>,
): Downloads {
  const get: Downloads["get"] = async (request, ask) => {
    const answer = await downloads.get(request, ask);
    if (answer.status !== 200) return answer;
    const path = mirror === undefined ? new URL(request.url).pathname : request.url.slice(mirror.length);
    const modified = Date.parse(answer.headers.get("last-modified") ?? "");
    files.set(path, {
      path,
      bytes: answer.body,
      lastModified: Number.isNaN(modified) ? undefined : new Date(modified),
    });
    return answer;
  };
  return {
    ...downloads,
    get,
    // What was read earlier is of no use here: the bytes themselves are wanted.
    async read(request, reader) {
      const answer = await get(request);
      return answer.status === 200 ? reader.read(answer) : answer.status;
    },
  };
}
