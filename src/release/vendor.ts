import { readdir, utimes } from "node:fs/promises";
import { join, relative } from "node:path";
import { saveArchive } from "../build/index";
import { connectEngine } from "../docker/index";
import {
  openUpstream,
  repositoryFiles,
  vendoredContents,
  vendoredFolder,
  vendoredUpstreamText,
  VENDORED_KEY,
  writeLock,
  writeVendoredContents,
  type BuiltArchive,
  type RepositoryFile,
} from "../lock/index";
import type { Lock } from "../lock/lock";
import { copyImage } from "../registry/index";
import { isoTime } from "../support/clock";
import { openDownloads } from "../support/downloads";
import { Failure, hasErrno } from "../support/errors";
import { writeAtomically } from "../support/files";
import type { Host } from "../support/host";
import { releaseFolders } from "./folders";
import { realStages } from "./real-stages";
import type { ReleaseRequest } from "./request";

export interface VendorRequest extends ReleaseRequest {
  /** The folder that is written (absolute); made when it is not there, added to when it is a vendored one. */
  readonly to: string;
  /** Whether the built image goes along too: without it a build on the other machine needs the distribution's packages. */
  readonly withImage: boolean;
}

/** What was put into the folder for one template. */
export interface Vendored {
  readonly template: string;
  readonly lock: Lock;
  readonly inputsDigest: string;
  /** Canonical names of the images, with tags. */
  readonly images: readonly string[];
  /** Paths of the package repository's files below the folder. */
  readonly packages: readonly string[];
  /** The built image; null without it. */
  readonly built: BuiltArchive | null;
}

/**
 * Writes everything that locking, building and proving a Mesa version needs into a folder that a machine without network takes as its
 * upstream: images, signed index, .deb, key, locks, and the images built from them. Templates are locked, rendered and built where they
 * are not yet. Failures: those of these stages; VENDOR_FOLDER_TAKEN (usage).
 */
export async function vendorVersion(host: Host, request: VendorRequest): Promise<readonly Vendored[]> {
  await refuseOthersFolder(request.to);
  const before = (await vendoredContents(request.to)) ?? { schemaVersion: 1, built: {} };
  // First, so that a run that is ended on the way leaves a folder that the next one knows as its own.
  await writeVendoredContents(request.to, before);
  const at = isoTime(host.clock.now());
  const done: Vendored[] = [];
  // One after the other: they share the index of images.
  for (const template of request.templates) done.push(await vendorTemplate(host, request, template, at));
  const built = done.flatMap((one) => (one.built === null ? [] : [[one.inputsDigest, one.built] as const]));
  await writeVendoredContents(request.to, {
    ...before,
    built: { ...before.built, ...Object.fromEntries(built) },
  });
  return done;
}

async function refuseOthersFolder(folder: string): Promise<void> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return;
    throw error;
  }
  if (names.length === 0 || names.includes("vendor.json")) return;
  throw new Failure({
    code: "VENDOR_FOLDER_TAKEN",
    kind: "usage",
    message: `${folder} holds other things: ${names.slice(0, 5).join(", ")}.`,
    hint: "Give --to a folder that is empty, not there yet, or one that vendor wrote before (it is added to).",
  });
}

async function vendorTemplate(
  host: Host,
  request: VendorRequest,
  template: string,
  at: string,
): Promise<Vendored> {
  const say = (message: string): void => {
    host.emit({ type: "note", template, message });
  };
  const { cache } = releaseFolders(request.root);
  const parts = vendoredFolder(request.to);
  const { lock } = await realStages.lock(host, request, template);
  const rendered = await realStages.render(host, request, template, lock);
  // Read after locking: a key that was trusted just now stands in it.
  const upstream = await openUpstream(host, request.upstreamPath);
  say("the package repository's index and the .deb");
  const { files, key } = await repositoryFiles(host, upstream, cache, lock, request.trustKey);
  await writeRepository(parts.packages, files);
  if (key !== undefined) await writeAtomically(join(request.to, VENDORED_KEY), key.bytes);
  const registry = { mirror: upstream.mirrors.images, downloads: openDownloads(host, cache) };
  for (const image of [lock.base, lock.sandboxApi]) {
    say(`image ${image.repository}:${image.tag}`);
    await copyImage(host, image, registry, parts.images);
  }
  await writeLock(parts.lock(template, lock.mesaVersion), lock);
  let built: BuiltArchive | null = null;
  if (request.withImage) {
    const { image } = await realStages.build(host, request, rendered, say);
    say(`built image ${image.reference}`);
    const file = parts.built(template, image.reference);
    const { sha256 } = await saveArchive(host, await connectEngine(host), image.reference, file);
    built = { file: relative(request.to, file), sha256 };
  }
  await writeAtomically(parts.upstream, vendoredUpstreamText(upstream, key?.fingerprint, at));
  return {
    template,
    lock,
    inputsDigest: rendered.inputsDigest,
    images: [lock.base, lock.sandboxApi].map(({ repository, tag }) => `${repository}:${tag}`),
    packages: files.map(({ path }) => join("packages", path)),
    built,
  };
}

/** Each file with its own date, which `outdated` shows. */
async function writeRepository(folder: string, files: readonly RepositoryFile[]): Promise<void> {
  for (const { path, bytes, lastModified } of files) {
    await writeAtomically(join(folder, path), bytes);
    if (lastModified !== undefined) await utimes(join(folder, path), lastModified, lastModified);
  }
}
