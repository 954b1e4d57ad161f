import { refusal } from "../support/errors";
import { sha256 } from "../support/text/digest";
import { readDebControl, type DebControl } from "./deb-file";
import type { ListedPackage } from "./packages-file";
import { fetchBelow, type Repository } from "./repository";

/** A .deb, fetched and read. */
export interface FetchedDeb extends DebControl {
  /** Canonical URL. */
  readonly url: string;
  readonly size: number;
  readonly sha256: string;
}

const TIMEOUT_MS = 10 * 60_000;
const DEB_LIMIT = 1024 * 1024 * 1024;

/**
 * Fetches a .deb from a verified index. Checks its size, its sha256 and its control fields against the index. Refusals: DEB_MISSING,
 * DEB_SIZE_DIFFERS, DEB_HASH_DIFFERS, DEB_UNREADABLE, DEB_{PACKAGE,VERSION,ARCHITECTURE,DEPENDS}_DIFFERS.
 */
export async function fetchListedDeb(repository: Repository, listed: ListedPackage): Promise<FetchedDeb> {
  const deb = await fetchDeb(repository, listed.filename, listed);
  for (const field of ["package", "version", "architecture", "depends"] as const) {
    if (deb[field] === listed[field]) continue;
    throw refusal(
      `DEB_${field.toUpperCase()}_DIFFERS`,
      `The package ${deb.url} has ${field} "${deb[field]}", but the index lists "${listed[field]}".`,
      "The index and the package do not match. Do not use the package; tell the repository's owner.",
    );
  }
  return deb;
}

/** Fetches and reads a .deb by its path below the repository; checks size and sha256 if they are known. */
export async function fetchDeb(
  repository: Repository,
  path: string,
  expected?: { readonly size: number; readonly sha256: string },
): Promise<FetchedDeb> {
  const url = `${repository.url}/${path}`;
  const limitBytes = expected === undefined ? DEB_LIMIT : Math.max(expected.size * 2, 1024 * 1024);
  const { status, body } = await fetchBelow(repository, url, limitBytes, TIMEOUT_MS);
  if (status !== 200) {
    throw refusal(
      "DEB_MISSING",
      `The repository answers ${String(status)} for ${url}.`,
      "The version may have been withdrawn; mesa-template doctor lists the versions that exist.",
    );
  }
  const file = { url, size: body.length, sha256: sha256(body) };
  // Before anything in it is read.
  if (expected !== undefined && file.size !== expected.size)
    throw refusal(
      "DEB_SIZE_DIFFERS",
      `The package ${url} has ${String(file.size)} bytes, but the index lists ${String(expected.size)}.`,
      TAMPERED,
    );
  if (expected !== undefined && file.sha256 !== expected.sha256)
    throw refusal(
      "DEB_HASH_DIFFERS",
      `The package ${url} has the sha256 ${file.sha256}, but the index lists ${expected.sha256}.`,
      TAMPERED,
    );
  return { ...(await readDebControl(body, url)), ...file };
}

const TAMPERED =
  "It was changed in transit or in the repository: do not use it. Try without the mirror, and tell the repository's owner.";
