import { createHash } from "node:crypto";
import { Failure, refusal } from "../support/errors";
import { Unreachable } from "../support/network/http";
import { seenBefore } from "./first-download";
import { downloadUrl, type DownloadInput, type Lock, type LockedDownload } from "./lock";
import type { Sources } from "./sources";

const TIMEOUT_MS = 10 * 60_000;
const LIMIT_BYTES = 1024 * 1024 * 1024;

/** Where a download is fetched from: its own address, or the mirror in place of "https://" with the host as first part of the path. */
export function downloadAddress({ upstream }: Sources, url: string): string {
  const mirror = upstream.mirrors.downloads;
  return mirror === undefined ? url : `${mirror}${url.slice("https://".length)}`;
}

/**
 * Size and hashes of a download.
 * @throws Failure DOWNLOAD_MISSING (exit 4), DOWNLOAD_UNREACHABLE (exit 3)
 */
export async function downloadFacts(sources: Sources, what: string, url: string) {
  try {
    const { status, body } = await sources.downloads.get({
      url: downloadAddress(sources, url),
      limitBytes: LIMIT_BYTES,
      timeoutMs: TIMEOUT_MS,
    });
    const hash = (name: string): string => createHash(name).update(body).digest("hex");
    if (status === 200) return { size: body.length, sha256: hash("sha256"), sha512: hash("sha512") };
    throw refusal(
      "DOWNLOAD_MISSING",
      `${what}: the answer for ${url} is ${String(status)}.`,
      "Check url and version in template.toml.",
    );
  } catch (error) {
    throw downloadUnreachable(what, error);
  }
}

/** The failure for a download without an answer; any other error is returned unchanged. */
export function downloadUnreachable(what: string, error: unknown): unknown {
  if (!(error instanceof Unreachable)) return error;
  return new Failure({
    code: "DOWNLOAD_UNREACHABLE",
    kind: "environment",
    message: `${what} cannot be fetched: ${error.message} (${error.url}).`,
    hint: "Check the network and the proxy; a mirror can be named in upstream.toml (mirrors.downloads).",
    cause: error.cause,
  });
}

/**
 * A locked download: verified against its publisher's hash, else against the first download in any of the `locks` below the root. Warns of
 * a first download without a publisher's hash.
 * @throws Failure DOWNLOAD_HASH_DIFFERS, DOWNLOAD_CHANGED, DOWNLOAD_MISSING (exit 4), DOWNLOAD_UNREACHABLE (exit 3)
 */
export async function lockedDownload(
  sources: Sources,
  template: string,
  name: string,
  input: DownloadInput,
  locks: readonly Lock[],
): Promise<LockedDownload> {
  const { host } = sources;
  const url = downloadUrl(input);
  const what = `downloads.${name}`;
  const { published } = input;
  const facts = await downloadFacts(sources, what, url);
  const algorithm = published?.startsWith("sha512:") === true ? "sha512" : "sha256";
  const hex = published?.slice("sha512:".length);
  if (hex !== undefined && facts[algorithm] !== hex)
    throw refusal(
      "DOWNLOAD_HASH_DIFFERS",
      `${what}: ${url} has ${algorithm} ${facts[algorithm]}, but template.toml has ${hex}.`,
      "Another file was published there, or it was changed in transit: do not use it until you know which. Check version and hash in template.toml.",
    );
  const { other, isNew, downloadedAt } = seenBefore({ url, sha256: facts.sha256 }, locks, host);
  if (published === undefined && other !== undefined)
    throw refusal(
      "DOWNLOAD_CHANGED",
      `${what}: ${url} has changed since it was first locked: sha256 ${other.sha256} then, for ${other.by}, and ${facts.sha256} now, for ${template}.`,
      "A published file was replaced, there or in transit. Do not use it until its publisher has explained why.",
    );
  const file = { url, version: input.version, size: facts.size, sha256: facts.sha256 };
  if (published !== undefined) return { ...file, vouched: { by: "publisher", hash: published } };
  if (isNew)
    host.emit({
      type: "warning",
      template,
      message: `${url} has no published hash: its sha256 ${facts.sha256} comes from this first download, and every later download must match it (name the publisher's sha256, sha512 or integrity in template.toml)`,
    });
  return { ...file, vouched: { by: "first-download", downloadedAt } };
}
