import * as z from "zod/mini";

const digest = z.string().check(z.regex(/^sha256:[0-9a-f]{64}$/u, "a digest is sha256: and 64 hex digits"));
const sha256Hex = z.string().check(z.regex(/^[0-9a-f]{64}$/u, "a sha256 is 64 hex digits"));
const moment = z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/u, "a time is ISO 8601 in UTC"));

/** A resolved image: what the tag pointed at, and the linux/amd64 image behind it. */
const lockedImageSchema = z.strictObject({
  /** Canonical repository with registry host, e.g. docker.io/library/debian */
  repository: z.string(),
  tag: z.string(),
  /** What the tag pointed at: the manifest list if there is one. The FROM line has `repository:tag@digest`. */
  digest,
  /** Manifest digest of the linux/amd64 image (equal to `digest` if the tag names an image directly). */
  platformDigest: digest,
  /** Creation time of the image, if it has one. */
  createdAt: z.optional(moment),
  /** When the tag was resolved. */
  resolvedAt: moment,
});

/** How the index that names the .deb was verified. */
const signatureChainSchema = z.strictObject({
  /** The file that carries the signature: InRelease, or Release with Release.gpg. */
  release: z.strictObject({
    url: z.string(),
    form: z.enum(["InRelease", "Release.gpg"]),
    sha256: sha256Hex,
    date: moment,
    validUntil: z.optional(moment),
  }),
  /** The signing key: fingerprints in upper-case hex. */
  key: z.strictObject({ fingerprint: z.string(), signedBy: z.string(), file: z.string() }),
  index: z.strictObject({ url: z.string(), path: z.string(), sha256: sha256Hex, size: z.number() }),
});

const lockedDebSchema = z.strictObject({
  package: z.string(),
  /** The version in the package's own control file. */
  version: z.string(),
  architecture: z.literal("amd64"),
  /** Canonical URL, never a mirror's. */
  url: z.string(),
  size: z.number(),
  sha256: sha256Hex,
  /** The Depends field, verbatim ("" if absent). */
  depends: z.string(),
  /** What vouches for these bytes: the repository's signature chain, or their first download. */
  vouched: z.discriminatedUnion("by", [
    z.strictObject({ by: z.literal("signed"), chain: signatureChainSchema }),
    z.strictObject({ by: z.literal("first-download"), downloadedAt: moment }),
  ]),
});

/** A file that a template's build fetches. */
const lockedDownloadSchema = z.strictObject({
  /** Canonical address, never a mirror's. */
  url: z.string(),
  version: z.optional(z.string()),
  size: z.number(),
  sha256: sha256Hex,
  /** What vouches for these bytes: the publisher's hash, or the first download. */
  vouched: z.discriminatedUnion("by", [
    z.strictObject({ by: z.literal("publisher"), hash: z.string() }),
    z.strictObject({ by: z.literal("first-download"), downloadedAt: moment }),
  ]),
});

/** All inputs of one (template, Mesa version), resolved and immutable. */
export const lockSchema = z.strictObject({
  schemaVersion: z.literal(1),
  template: z.string(),
  mesaVersion: z.string(),
  /** CLI generation of the Mesa version, see mesa/generation. */
  generation: z.string(),
  base: lockedImageSchema,
  sandboxApi: lockedImageSchema,
  deb: lockedDebSchema,
  /** Further images and downloads of template.toml, by their names there. */
  images: z.optional(z.record(z.string(), lockedImageSchema)),
  downloads: z.optional(z.record(z.string(), lockedDownloadSchema)),
  /** A dated mirror of the distribution's packages, if upstream.toml pins one. */
  snapshot: z.optional(z.strictObject({ url: z.string(), at: z.string() })),
  lockedAt: moment,
  /** sha256 over the lock's canonical JSON without this field; reveals manual edits. */
  integrity: z.optional(sha256Hex),
});

export type LockedImage = Readonly<z.infer<typeof lockedImageSchema>>;
export type LockedDeb = Readonly<z.infer<typeof lockedDebSchema>>;
export type LockedDownload = Readonly<z.infer<typeof lockedDownloadSchema>>;
export type Lock = Readonly<z.infer<typeof lockSchema>>;

/** `repository:tag@digest`, as in a FROM line. */
export function imageReference(image: LockedImage): string {
  return `${image.repository}:${image.tag}@${image.digest}`;
}

/** All images of a lock by role: "base", "sandbox-api", "images.NAME". */
export function imagesOf(lock: Lock): readonly (readonly [what: string, image: LockedImage])[] {
  return [
    ["base", lock.base],
    ["sandbox-api", lock.sandboxApi],
    ...Object.entries(lock.images ?? {}).map(([name, image]) => [`images.${name}`, image] as const),
  ];
}

/** All downloads of a lock besides the .deb: "downloads.NAME". */
export function downloadsOf(lock: Lock): readonly (readonly [what: string, download: LockedDownload])[] {
  return Object.entries(lock.downloads ?? {}).map(([name, download]) => [`downloads.${name}`, download]);
}

/** A further image that a template uses. */
export interface ImageInput {
  /** Full name with a tag: "docker.io/library/node:22-bookworm-slim". */
  readonly image: string;
}

/** A file that a template's build fetches. */
export interface DownloadInput {
  /** https; {version} stands for `version`. */
  readonly url: string;
  readonly version?: string | undefined;
  /** The hash that the publisher names, as a lock stores it: algorithm and hex digits. */
  readonly published?: `${"sha256" | "sha512"}:${string}` | undefined;
}

/** The address of a download, its version filled in. */
export function downloadUrl({ url, version }: DownloadInput): string {
  return url.replaceAll("{version}", version ?? "");
}

/** The inputs that a template declares. */
export interface LockInputs {
  readonly base: ImageInput;
  /** Further images by name: {{images.NAME.reference}}. */
  readonly images: Readonly<Record<string, ImageInput>>;
  /** Files that the build fetches, by name: {{downloads.NAME.address}}. */
  readonly downloads: Readonly<Record<string, DownloadInput>>;
}
