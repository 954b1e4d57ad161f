import * as z from "zod/mini";
import { sha256 } from "../support/digest";
import type { Downloads } from "../support/downloads";
import { readDebControl, type DebControl } from "./deb-file";
import { refusal } from "./failures";
import type { ListedPackage } from "./packages-file";
import { readBelow, type Repository } from "./repository";

/** A .deb, fetched whole and read. */
export interface FetchedDeb extends DebControl {
  /** Canonical URL. */
  readonly url: string;
  readonly size: number;
  readonly sha256: string;
  /** When the repository says the file was last changed (ISO, UTC). */
  readonly lastModified: string | undefined;
}

const TIMEOUT_MS = 10 * 60_000;
const DEB_LIMIT = 1024 * 1024 * 1024;

/**
 * Fetches the .deb that a verified index lists, holds it against size and sha256 there, and what it says about itself against what the
 * index says about it. Refusals: DEB_MISSING, DEB_SIZE_DIFFERS, DEB_HASH_DIFFERS, DEB_UNREADABLE, DEB_{PACKAGE,VERSION,ARCHITECTURE,DEPENDS}_DIFFERS.
 */
export async function fetchListedDeb(
  repository: Repository,
  downloads: Downloads,
  listed: ListedPackage,
): Promise<FetchedDeb> {
  const deb = await fetchDeb(repository, downloads, listed.filename, listed);
  const fields = ["package", "version", "architecture", "depends"] as const;
  for (const field of fields) {
    if (deb[field] === listed[field]) continue;
    const codes = {
      package: "DEB_PACKAGE_DIFFERS",
      version: "DEB_VERSION_DIFFERS",
      architecture: "DEB_ARCHITECTURE_DIFFERS",
      depends: "DEB_DEPENDS_DIFFERS",
    } as const;
    throw refusal(
      codes[field],
      `The package ${deb.url} says it has ${field} "${deb[field]}", and the index lists it with "${listed[field]}".`,
      "The index and the package do not belong together. Do not use it; tell the repository's owner.",
    );
  }
  return deb;
}

/** Fetches and reads a .deb by its path below the repository; held against size and sha256 where they are known beforehand. */
export async function fetchDeb(
  repository: Repository,
  downloads: Downloads,
  path: string,
  expected?: { readonly size: number; readonly sha256: string },
): Promise<FetchedDeb> {
  const url = `${repository.url}/${path}`;
  const limitBytes = expected === undefined ? DEB_LIMIT : Math.max(expected.size * 2, 1024 * 1024);
  const found = await readBelow(
    repository,
    downloads,
    url,
    { limitBytes, timeoutMs: TIMEOUT_MS },
    {
      parse: parseFacts,
      async read({ body, headers }) {
        const hash = sha256(body);
        // Before anything in it is looked at.
        if (expected !== undefined) holdAgainst(expected, { url, size: body.length, sha256: hash });
        const modified = Date.parse(headers.get("last-modified") ?? "");
        return {
          ...(await readDebControl(body, url)),
          size: body.length,
          sha256: hash,
          ...(Number.isNaN(modified) ? {} : { lastModified: new Date(modified).toISOString() }),
        };
      },
    },
  );
  if (typeof found === "number") {
    throw refusal(
      "DEB_MISSING",
      `The repository answers ${String(found)} for ${url}.`,
      "The version may have been taken back; mesa-template outdated lists what there is.",
    );
  }
  const deb = { ...found, url, lastModified: found.lastModified };
  if (expected !== undefined) holdAgainst(expected, deb);
  return deb;
}

const debFactsSchema = z.object({
  package: z.string(),
  version: z.string(),
  architecture: z.string(),
  depends: z.string(),
  size: z.number(),
  sha256: z.string(),
  lastModified: z.optional(z.string()),
});

function parseFacts(kept: unknown): z.infer<typeof debFactsSchema> | undefined {
  return debFactsSchema.safeParse(kept).data;
}

function holdAgainst(
  expected: { readonly size: number; readonly sha256: string },
  { url, size, sha256: hash }: Pick<FetchedDeb, "url" | "size" | "sha256">,
): void {
  if (size !== expected.size) {
    throw refusal(
      "DEB_SIZE_DIFFERS",
      `The package ${url} has ${String(size)} bytes, and the index says ${String(expected.size)}.`,
      TAMPERED,
    );
  }
  if (hash !== expected.sha256) {
    throw refusal(
      "DEB_HASH_DIFFERS",
      `The package ${url} has the sha256 ${hash}, and the index says ${expected.sha256}.`,
      TAMPERED,
    );
  }
}

const TAMPERED =
  "It was changed on its way or in the repository: do not use it. Try without the mirror, and tell the repository's owner.";
