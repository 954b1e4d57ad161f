import { join } from "node:path";
import * as z from "zod/mini";
import { canonicalJson } from "../support/canonical-json";
import { Failure, messageOf } from "../support/errors";
import { readIfPresent, writeAtomically } from "../support/files";
import type { Lock } from "./lock";
import { readLock } from "./lock-file";
import type { Upstream } from "./upstream";

const archiveSchema = z.strictObject({
  /** Below the folder. */
  file: z.string().check(z.regex(/^built\/[\w.-]+$/u, "must be a file in built/")),
  sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/u, "a sha256 is 64 hex digits")),
});

/** What a vendored folder says about itself. */
const contentsSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Built images as docker save writes them, by the inputs digest they were made from. */
  built: z.record(z.string(), archiveSchema),
});

export type BuiltArchive = Readonly<z.infer<typeof archiveSchema>>;
export type VendoredContents = Readonly<z.infer<typeof contentsSchema>>;

/** The parts of a vendored folder. */
export function vendoredFolder(folder: string): {
  readonly upstream: string;
  readonly contents: string;
  readonly images: string;
  readonly packages: string;
  lock(template: string, mesaVersion: string): string;
  /** A built image's archive, named after its local reference. */
  built(template: string, reference: string): string;
} {
  return {
    upstream: join(folder, "upstream.toml"),
    contents: join(folder, "vendor.json"),
    images: join(folder, "images"),
    packages: join(folder, "packages"),
    built: (template, reference) =>
      join(folder, "built", `${template}-${reference.slice(reference.lastIndexOf(":") + 1)}.tar`),
    lock: (template, mesaVersion) => join(folder, "locks", template, mesaVersion, "lock.json"),
  };
}

/** The lock that a vendored folder was filled from; undefined when it holds none of this template and version. */
export async function vendoredLock(
  folder: string,
  template: string,
  mesaVersion: string,
): Promise<Lock | undefined> {
  return readLock(vendoredFolder(folder).lock(template, mesaVersion));
}

/** What a vendored folder holds; undefined when it is none. @throws Failure VENDOR_INVALID (usage) */
export async function vendoredContents(folder: string): Promise<VendoredContents | undefined> {
  const { contents } = vendoredFolder(folder);
  const data = await readIfPresent(contents);
  if (data === undefined) return undefined;
  try {
    return contentsSchema.parse(JSON.parse(data.toString("utf8")));
  } catch (error) {
    throw new Failure({
      code: "VENDOR_INVALID",
      kind: "usage",
      message: `${contents} does not say what a vendored folder holds: ${messageOf(error)}`,
      hint: "Write the folder anew: mesa-template vendor VERSION --to FOLDER.",
      cause: error,
    });
  }
}

/** The built image that a vendored upstream brings for these inputs, as an absolute path; undefined when it brings none. */
export async function vendoredArchive(
  { vendored }: Upstream,
  inputsDigest: string,
): Promise<BuiltArchive | undefined> {
  if (vendored === undefined) return undefined;
  const archive = (await vendoredContents(vendored.folder))?.built[inputsDigest];
  return archive === undefined ? undefined : { ...archive, file: join(vendored.folder, archive.file) };
}

export async function writeVendoredContents(folder: string, contents: VendoredContents): Promise<void> {
  await writeAtomically(vendoredFolder(folder).contents, canonicalJson(contents));
}
