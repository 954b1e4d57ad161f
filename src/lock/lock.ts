import * as z from "zod/mini";

const digest = z.string().check(z.regex(/^sha256:[0-9a-f]{64}$/u, "a digest is sha256: and 64 hex digits"));
const sha256Hex = z.string().check(z.regex(/^[0-9a-f]{64}$/u, "a sha256 is 64 hex digits"));
const moment = z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/u, "a time is ISO 8601 in UTC"));

/** One image, resolved: where the tag pointed, and which linux/amd64 image that was. */
export const lockedImageSchema = z.strictObject({
  /** Canonical repository with registry host, e.g. docker.io/library/debian */
  repository: z.string(),
  tag: z.string(),
  /** What the tag pointed at: the manifest list where there is one. `repository:tag@digest` stands in the FROM line. */
  digest,
  /** The linux/amd64 image's own manifest digest (equal to `digest` where the tag names an image directly). */
  platformDigest: digest,
  /** When the image says it was created, when it says so. */
  createdAt: z.optional(moment),
  /** When the tag was resolved. */
  resolvedAt: moment,
});

/** How the index that names the .deb was verified. */
export const signatureChainSchema = z.strictObject({
  /** The file that carries the signature: InRelease, or Release with Release.gpg. */
  release: z.strictObject({
    url: z.string(),
    form: z.enum(["InRelease", "Release.gpg"]),
    sha256: sha256Hex,
    date: moment,
    validUntil: z.optional(moment),
  }),
  /** The key that signed it: fingerprints in upper-case hex. */
  key: z.strictObject({ fingerprint: z.string(), signedBy: z.string(), file: z.string() }),
  index: z.strictObject({ url: z.string(), path: z.string(), sha256: sha256Hex, size: z.number() }),
});

export const lockedDebSchema = z.strictObject({
  package: z.string(),
  /** The version as the package says it. */
  version: z.string(),
  architecture: z.literal("amd64"),
  /** Canonical URL, never a mirror's. */
  url: z.string(),
  size: z.number(),
  sha256: sha256Hex,
  /** The Depends field, verbatim ("" when there is none). */
  depends: z.string(),
  /** Who vouches for these bytes: the repository's signature chain, or the first download they were held against ever since. */
  vouched: z.discriminatedUnion("by", [
    z.strictObject({ by: z.literal("signed"), chain: signatureChainSchema }),
    z.strictObject({ by: z.literal("first-download"), downloadedAt: moment }),
  ]),
});

/** A file that a template's build fetches. */
export const lockedDownloadSchema = z.strictObject({
  /** Canonical address, never a mirror's. */
  url: z.string(),
  version: z.optional(z.string()),
  size: z.number(),
  sha256: sha256Hex,
  /** Who vouches for these bytes: the hash that the publisher names, or the first download. */
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
  /** Further images and downloads of template.toml, by the names they have there. */
  images: z.optional(z.record(z.string(), lockedImageSchema)),
  downloads: z.optional(z.record(z.string(), lockedDownloadSchema)),
  /** A dated mirror of the distribution's own packages, when upstream.toml pins one. */
  snapshot: z.optional(z.strictObject({ url: z.string(), at: z.string() })),
  lockedAt: moment,
  /** sha256 over the lock's canonical JSON without this field: shows that nobody edited it. */
  integrity: z.optional(sha256Hex),
});

export type LockedImage = Readonly<z.infer<typeof lockedImageSchema>>;
export type SignatureChain = Readonly<z.infer<typeof signatureChainSchema>>;
export type LockedDeb = Readonly<z.infer<typeof lockedDebSchema>>;
export type LockedDownload = Readonly<z.infer<typeof lockedDownloadSchema>>;
export type Lock = Readonly<z.infer<typeof lockSchema>>;

/** `repository:tag@digest`, as it stands in a FROM line. */
export function imageReference(image: LockedImage): string {
  return `${image.repository}:${image.tag}@${image.digest}`;
}

/** All images of a lock with what each is to the template: "base", "sandbox-api", "images.NAME". */
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

/** A further image that a template is built from. */
export interface ImageInput {
  /** In full, with a tag: "docker.io/library/node:22-bookworm-slim". */
  readonly image: string;
}

/** A file that a template's build fetches. */
export interface DownloadInput {
  /** https; {version} stands for `version`. */
  readonly url: string;
  readonly version?: string;
  /** What the publisher says about the bytes, as algorithm and hex digits. */
  readonly published?: { readonly algorithm: "sha256" | "sha512"; readonly hex: string };
}

/** The address of a download, its version filled in. */
export function downloadUrl({ url, version }: DownloadInput): string {
  return url.replaceAll("{version}", version ?? "");
}

/** What a template names to be locked. */
export interface LockInputs {
  readonly base: ImageInput;
  /** Further images by the name the template calls them: {{images.NAME.reference}}. */
  readonly images: Readonly<Record<string, ImageInput>>;
  /** Files the build fetches, by the name the template calls them: {{downloads.NAME.address}}. */
  readonly downloads: Readonly<Record<string, DownloadInput>>;
}
