import compare from "semver/functions/compare";
import parse from "semver/functions/parse";
import * as z from "zod/mini";
import { lastModified, mesaVersionsIn, packageFor } from "../apt/index";
import { generationOf } from "../mesa/generation";
import { listTags } from "../registry/index";
import { ask } from "../support/network/http";
import { parsedJson } from "../support/text/parsed-json";
import { downloadAddress, downloadFacts, downloadUnreachable } from "./further-inputs";
import { downloadsOf, imagesOf, type Lock, type LockedDownload, type LockedImage } from "./lock";
import { availablePackages } from "./mesa-packages";
import { imageNow, mesaRepository, registryOptions, type Sources } from "./sources";

/** An input of a lock with a newer version. Dates are ISO, UTC; null if unknown. */
export interface OutdatedInput {
  readonly template: string;
  /** The Mesa version of the lock. */
  readonly mesaVersion: string;
  /** "mesa", "base", "sandbox-api", "images.NAME", "downloads.NAME" */
  readonly input: string;
  /** What it is, e.g. "docker.io/library/debian:bookworm-slim". */
  readonly name: string;
  readonly current: { readonly value: string; readonly date: string | null };
  readonly newest: { readonly value: string; readonly date: string | null };
  /** What is needed first, if the newest version needs another credential than the current one. */
  readonly needsFirst?: string;
}

/** The newest version by semver, prereleases only on request; ignores what is not semver. */
export function newestVersion(versions: readonly string[], prerelease: boolean): string | undefined {
  return versions
    .filter((version) => {
      const parsed = parse(version);
      return parsed !== null && parsed.version === version && (prerelease || parsed.prerelease.length === 0);
    })
    .sort(compare)
    .at(-1);
}

/**
 * What is newer than a template's lock: Mesa and sandbox-api by semver, the base image by what its tag points at now. Installs and writes
 * nothing. Failures as in resolveLock; an unsigned repository without a list gives a note.
 * @param prerelease whether prereleases count
 */
export async function outdatedInputs(
  sources: Sources,
  lock: Lock,
  prerelease: boolean,
): Promise<readonly OutdatedInput[]> {
  const found = await Promise.all([
    newerMesa(sources, lock, prerelease),
    ...imagesOf(lock).map(([what, image]) =>
      what === "sandbox-api" ? newerSandboxApi(sources, image, prerelease) : movedImage(sources, what, image),
    ),
    ...downloadsOf(lock).map(([what, download]) => newerDownload(sources, what, download)),
  ]);
  return found
    .filter((input) => input !== undefined)
    .map((input) => ({ template: lock.template, mesaVersion: lock.mesaVersion, ...input }));
}

type Found = Omit<OutdatedInput, "template" | "mesaVersion"> | undefined;

/** What a version or digest is, and since when. */
type Dated = readonly [value: string, date?: string | undefined];

function newer(input: string, name: string, [is, since]: Dated, [now, at]: Dated): NonNullable<Found> {
  return {
    input,
    name,
    current: { value: is, date: since ?? null },
    newest: { value: now, date: at ?? null },
  };
}

async function newerMesa(sources: Sources, lock: Lock, prerelease: boolean): Promise<Found> {
  const repository = mesaRepository(sources);
  const packages = await availablePackages(sources);
  if (packages === undefined) {
    const message = `${repository.url} has no list of versions: whether a newer Mesa exists is unknown`;
    sources.host.emit({ type: "note", template: lock.template, message });
    return undefined;
  }
  const newest = newestVersion(mesaVersionsIn(packages), prerelease);
  const listed = newest === undefined ? undefined : packageFor(packages, newest);
  if (newest === undefined || listed === undefined || compare(newest, lock.mesaVersion) <= 0)
    return undefined;
  const [before, now] = await Promise.all([
    lastModified(repository, lock.deb.url),
    lastModified(repository, `${repository.url}/${listed.filename}`),
  ]);
  return {
    ...newer("mesa", lock.deb.package, [lock.mesaVersion, before], [newest, now]),
    ...otherCredential(lock.mesaVersion, newest),
  };
}

/** A warning about an upgrade to a version that does not accept the current credential. */
function otherCredential(current: string, newest: string): Pick<OutdatedInput, "needsFirst"> {
  const [used] = generationOf(current).credentials;
  return used === undefined || generationOf(newest).credentials.includes(used)
    ? {}
    : {
        needsFirst: `Mesa ${newest} accepts no API keys: create a private key and set MESA_PRIVATE_KEY first`,
      };
}

async function movedImage(sources: Sources, input: string, image: LockedImage): Promise<Found> {
  const name = `${image.repository}:${image.tag}`;
  const now = await imageNow(sources, name);
  return now.platformDigest === image.platformDigest
    ? undefined
    : newer(input, name, [image.digest, image.createdAt], [now.digest, now.createdAt]);
}

const LATEST_LIMIT = 4 * 1024 * 1024;
const LATEST_TIMEOUT_MS = 60_000;

/** npm registries publish the newest version of a package at PACKAGE/latest; for other addresses it is unknown. */
async function newerDownload(
  sources: Sources,
  input: string,
  { url, version, sha256 }: LockedDownload,
): Promise<Found> {
  const npm = /^(https:\/\/.+)\/-\/[^/]+\.tgz$/u.exec(url)?.[1];
  if (npm === undefined || version === undefined || parse(version) === null) {
    const now = await downloadFacts(sources, input, url);
    return now.sha256 === sha256
      ? undefined
      : newer(input, url, [`sha256:${sha256}`], [`sha256:${now.sha256}`]);
  }
  const answer = await ask(sources.host, {
    url: downloadAddress(sources, `${npm}/latest`),
    limitBytes: LATEST_LIMIT,
    timeoutMs: LATEST_TIMEOUT_MS,
  }).catch((error: unknown) => {
    throw downloadUnreachable(input, error);
  });
  const newest = latestSchema.safeParse(parsedJson(answer.body)).data?.version;
  if (newest === undefined || parse(newest) === null) {
    const message = `${input}: ${npm}/latest (${String(answer.status)}) names no version: whether a newer one exists is unknown`;
    sources.host.emit({ type: "note", message });
    return undefined;
  }
  return compare(newest, version) <= 0 ? undefined : newer(input, npm, [version], [newest]);
}

const latestSchema = z.object({ version: z.string() });

async function newerSandboxApi(
  sources: Sources,
  { repository, tag, createdAt }: LockedImage,
  prerelease: boolean,
): Promise<Found> {
  const tags = await listTags(sources.host, repository, registryOptions(sources));
  const newest = newestVersion(tags, prerelease);
  if (newest === undefined || parse(tag) === null || compare(newest, tag) <= 0) return undefined;
  const image = await imageNow(sources, `${repository}:${newest}`);
  return newer("sandbox-api", repository, [tag, createdAt], [newest, image.createdAt]);
}
