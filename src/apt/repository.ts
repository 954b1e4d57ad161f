import type { PublicKey } from "openpgp";
import { sha256 } from "../support/text/digest";
import type { Downloads } from "../support/network/downloads";
import { Failure, messageOf, refusal } from "../support/errors";
import type { Host } from "../support/host";
import { ask, Unreachable, type HttpAnswer } from "../support/network/http";
import { decompress, type Compression } from "./decompress";
import { parsePackages, type ListedPackage } from "./packages-file";
import { checkReleaseTimes, checkSuite, parseRelease, type ListedFile, type Release } from "./release-file";
import { UNSIGNED_HINT, verifyClearsigned, verifyDetached, type SignedText } from "./signature";

/** An apt repository, the part of it that is read, and what asks there. */
export interface Repository {
  readonly host: Host;
  readonly downloads: Downloads;
  /** Canonical URL of the folder of dists/ and pool/, without trailing slash. */
  readonly url: string;
  readonly suite: string;
  readonly component: string;
  readonly package: string;
  /** Replaces scheme and host in requests; never appears in results. */
  readonly mirror?: string | undefined;
}

export interface VerifiedRelease {
  readonly release: Release;
  /** Canonical URL of the file that carries the signature. */
  readonly url: string;
  readonly form: "InRelease" | "Release.gpg";
  /** sha256 (hex) of the verified file: InRelease, or Release. */
  readonly sha256: string;
  readonly signedBy: string;
}

const TIMEOUT_MS = 60_000;
const RELEASE_LIMIT = 16 * 1024 * 1024;
const INDEX_LIMIT = 256 * 1024 * 1024;
/** Several times the size of Debian's own index. */
const UNPACKED_INDEX_LIMIT = 512 * 1024 * 1024 - 1024;

/** The address to fetch a canonical URL from: itself, or its path on the mirror. */
function fetchedFrom(url: string, mirror: string | undefined): string {
  if (mirror === undefined) return url;
  const { pathname, search } = new URL(url);
  return `${mirror.replace(/\/+$/u, "")}${pathname}${search}`;
}

/** @throws Failure REPOSITORY_UNREACHABLE (exit 3) where there is no answer, perhaps only now */
async function reached(answer: Promise<HttpAnswer>): Promise<HttpAnswer> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    throw new Failure({
      code: "REPOSITORY_UNREACHABLE",
      kind: "environment",
      message: `The package repository cannot be reached: ${error.message} (${error.url}).`,
      hint: "Check the network and the proxy; a mirror can be named in upstream.toml (mirrors.packages).",
      cause: error.cause,
    });
  }
}

/**
 * GET of a canonical URL below the repository, through its mirror and the downloads folder.
 * @throws Failure REPOSITORY_UNREACHABLE (exit 3)
 */
export function fetchBelow(
  { mirror, downloads }: Repository,
  url: string,
  limitBytes: number,
  timeoutMs = TIMEOUT_MS,
): Promise<HttpAnswer> {
  return reached(downloads.get({ url: fetchedFrom(url, mirror), limitBytes, timeoutMs }));
}

/**
 * Fetches the repository's Release and verifies it with the pinned key: InRelease, or without one Release with Release.gpg. `notBefore`
 * (ms) is the Date of the Release in an earlier lock. Refusals: RELEASE_*, SUITE_DIFFERS, INDEX_EXPIRED, INDEX_NOT_YET_VALID,
 * INDEX_DOWNGRADED.
 */
export async function fetchRelease(
  repository: Repository,
  key: PublicKey,
  notBefore: number | undefined,
): Promise<VerifiedRelease> {
  const base = `${repository.url}/dists/${repository.suite}`;
  const now = repository.host.clock.now();
  const inRelease = await fetchBelow(repository, `${base}/InRelease`, RELEASE_LIMIT);
  const { text, ...signed } =
    inRelease.status === 200
      ? {
          url: `${base}/InRelease`,
          form: "InRelease" as const,
          sha256: sha256(inRelease.body),
          ...(await verifyClearsigned(inRelease.body, key, now)),
        }
      : await detachedRelease(repository, base, inRelease.status, key, now);
  const release = parseRelease(text);
  checkSuite(release, repository.suite, signed.url);
  checkReleaseTimes(release, now, notBefore);
  return { release, ...signed };
}

async function detachedRelease(
  repository: Repository,
  base: string,
  inReleaseStatus: number,
  key: PublicKey,
  now: number,
): Promise<Omit<VerifiedRelease, "release"> & SignedText> {
  const [release, signature] = await Promise.all([
    fetchBelow(repository, `${base}/Release`, RELEASE_LIMIT),
    fetchBelow(repository, `${base}/Release.gpg`, RELEASE_LIMIT),
  ]);
  if (release.status !== 200) {
    throw refusal(
      "INDEX_MISSING",
      `There is no apt index at ${base}: InRelease answers ${String(inReleaseStatus)}, Release ${String(release.status)}.`,
      'Check mesa.repository and mesa.suite in upstream.toml. A repository without an index can be used with vouched = "first-download".',
    );
  }
  if (signature.status !== 200) {
    throw refusal(
      "RELEASE_UNSIGNED",
      `The repository's index at ${base} is not signed: neither InRelease (${String(inReleaseStatus)}) nor Release.gpg (${String(signature.status)}) is there.`,
      UNSIGNED_HINT,
    );
  }
  return {
    url: `${base}/Release`,
    form: "Release.gpg",
    sha256: sha256(release.body),
    ...(await verifyDetached(release.body, signature.body, key, now)),
  };
}

/** Forms of an index, in the order of preference. */
const FORMS: readonly Compression[] = [".gz", ".xz", ".zst", ""];

/**
 * Fetches the list of amd64 packages, and checks it against size and sha256 in a verified Release. Refusals: INDEX_MISSING,
 * INDEX_HASH_DIFFERS, INDEX_MALFORMED.
 */
export async function fetchPackages(repository: Repository, { release }: Pick<VerifiedRelease, "release">) {
  const folder = `${repository.component}/binary-amd64`;
  for (const compression of FORMS) {
    const path = `${folder}/Packages${compression}`;
    const listed = release.files.get(path);
    if (listed === undefined) continue;
    const url = `${repository.url}/dists/${repository.suite}/${path}`;
    const answer = await fetchListed(repository, url, listed);
    if (answer.status === 404) continue;
    if (answer.status !== 200)
      throw refusal(
        "INDEX_MISSING",
        `The repository answers ${String(answer.status)} for its list of packages (${url}).`,
      );
    const got = sha256(answer.body);
    if (got !== listed.sha256 || answer.body.length !== listed.size) {
      throw indexDiffers(url, listed, `${String(answer.body.length)} bytes with sha256 ${got}`);
    }
    return {
      url,
      /** Below dists/<suite>/, as in the Release. */
      path,
      sha256: got,
      size: listed.size,
      packages: parsePackages(await unpacked(answer.body, compression), repository.package),
    };
  }
  throw refusal(
    "INDEX_MISSING",
    `The repository's Release lists no ${folder}/Packages that exists.`,
    "Check mesa.suite and mesa.component in upstream.toml.",
  );
}

/** Fetches a file listed in a verified Release; never reads more than its listed size. */
async function fetchListed(repository: Repository, url: string, listed: ListedFile): Promise<HttpAnswer> {
  try {
    return await fetchBelow(repository, url, Math.min(listed.size, INDEX_LIMIT));
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "ANSWER_TOO_LARGE") throw error;
    throw indexDiffers(url, listed, "more bytes");
  }
}

function indexDiffers(url: string, listed: ListedFile, sent: string): Failure {
  return refusal(
    "INDEX_HASH_DIFFERS",
    `The list of packages (${url}) does not match the signed Release, which lists ${String(listed.size)} bytes with sha256 ${listed.sha256}, the repository sends ${sent}.`,
    "The repository may be in the middle of an update, or somebody may have changed it. Try again in a few minutes, and without the mirror.",
  );
}

async function unpacked(data: Uint8Array, compression: Compression): Promise<string> {
  try {
    return Buffer.from(await decompress(data, compression, UNPACKED_INDEX_LIMIT)).toString("utf8");
  } catch (error) {
    throw refusal(
      "INDEX_MALFORMED",
      `The repository's list of packages cannot be unpacked: ${messageOf(error)}.`,
      undefined,
      error,
    );
  }
}

/** The content of an unverified index, for display only, never for installation. undefined if there is none. */
export async function peekPackages(repository: Repository): Promise<readonly ListedPackage[] | undefined> {
  for (const compression of FORMS) {
    const url = `${repository.url}/dists/${repository.suite}/${repository.component}/binary-amd64/Packages${compression}`;
    const answer = await fetchBelow(repository, url, INDEX_LIMIT);
    if (answer.status === 200)
      return parsePackages(await unpacked(answer.body, compression), repository.package);
  }
  return undefined;
}

/** HEAD of a canonical URL below the repository. @throws Failure REPOSITORY_UNREACHABLE (exit 3) */
export function headBelow({ host, mirror }: Repository, url: string): Promise<HttpAnswer> {
  const address = fetchedFrom(url, mirror);
  return reached(ask(host, { url: address, method: "HEAD", limitBytes: 0, timeoutMs: TIMEOUT_MS }));
}

/** Last-Modified of a file by canonical URL: ISO, UTC; undefined if unknown or missing. Failures as in headBelow. */
export async function lastModified(repository: Repository, url: string): Promise<string | undefined> {
  const { status, headers } = await headBelow(repository, url);
  const time = status === 200 ? Date.parse(headers.get("last-modified") ?? "") : Number.NaN;
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
