import * as z from "zod/mini";
import { refusal } from "../support/errors";

const SHA256 = /^sha256:[0-9a-f]{64}$/u;
const descriptor = z.looseObject({
  digest: z.string().check(z.regex(SHA256)),
  mediaType: z.optional(z.string()),
});

/** A list may contain other entries (OCI image-spec, "implementations MUST NOT error"), which are ignored. */
const entrySchema = z.looseObject({
  digest: z.string(),
  mediaType: z.optional(z.nullable(z.string())),
  platform: z.nullish(
    z.looseObject({ os: z.string(), architecture: z.string(), variant: z.nullish(z.string()) }),
  ),
});
const listSchema = z.looseObject({ manifests: z.array(z.unknown()) });
const imageSchema = z.looseObject({ config: descriptor });
const configSchema = z.looseObject({
  created: z.nullish(z.string()),
  os: z.nullish(z.string()),
  architecture: z.nullish(z.string()),
});

/** Limit of a manifest or configuration, in bytes. */
export const MANIFEST_LIMIT = 8 * 1024 * 1024;

export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** Accepted media types: OCI and Docker, lists and single images (OCI image-spec, Docker image manifest v2 schema 2). */
export const MANIFEST_TYPES = [
  OCI_INDEX,
  "application/vnd.docker.distribution.manifest.list.v2+json",
  OCI_MANIFEST,
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** Types of an image's configuration that engines pull (Moby, distribution/registry.go, ImageTypes: old registries name odd ones). */
const CONFIG_TYPES = [
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
  "application/octet-stream",
  "application/json",
  "text/html",
  "",
];

/** Lists in lists beyond this are refused. */
const DEEPEST_LIST = 4;

/**
 * The linux/amd64 image below a manifest: itself, or what the lists lead to, which may be lists too.
 * @param read the checked bytes of a digest
 * @throws Failure IMAGE_FORMAT, IMAGE_PLATFORM_MISSING (exit 4), those of read
 */
export async function singleImage(
  top: Uint8Array,
  image: string,
  read: (digest: string) => Promise<Uint8Array>,
): Promise<{ readonly bytes: Uint8Array; readonly config: string }> {
  let bytes = top;
  for (let lists = 0; lists <= DEEPEST_LIST; lists += 1) {
    const value = parseJson(bytes, `The manifest of ${image}`);
    const list = z.safeParse(listSchema, value);
    const single = z.safeParse(imageSchema, value);
    if (list.success) bytes = await read(amd64In(list.data.manifests, image));
    else if (single.success) {
      const { digest, mediaType = "" } = single.data.config;
      if (CONFIG_TYPES.includes(mediaType)) return { bytes, config: digest };
      const what = `${image} is no container image: its configuration is ${mediaType}.`;
      throw refusal("IMAGE_FORMAT", what, "Name an image; engines do not pull charts and signatures.");
    } else
      throw refusal(
        "IMAGE_FORMAT",
        `The registry's answer for ${image} is neither an image manifest nor a list of them.`,
        "Very old images (schema 1) cannot be pinned; push the image again with a current Docker.",
      );
  }
  throw refusal(
    "IMAGE_FORMAT",
    `${image} has its linux/amd64 image below more than ${String(DEEPEST_LIST)} lists.`,
  );
}

/**
 * The linux/amd64 entry of a list. One with a variant (v3), which runs on newer processors only, counts if there is none without (v1 means
 * none); one without a platform comes last, as for Docker and containerd, and may be a list. Ignores attestations ("unknown/unknown") and
 * malformed entries.
 */
function amd64In(entries: readonly unknown[], image: string): string {
  const images = entries.flatMap((entry) => {
    const read = z.safeParse(entrySchema, entry);
    if (!read.success || read.data.platform?.os === "unknown") return [];
    const { digest, mediaType, platform } = read.data;
    if (mediaType && !MANIFEST_TYPES.split(", ").includes(mediaType)) return [];
    const { os = "", architecture = "", variant } = platform ?? {};
    const last = os === "" && architecture === "";
    return [
      {
        digest,
        platform: platformOf(os, architecture),
        last,
        variant: variant === "v1" ? "" : (variant ?? ""),
      },
    ];
  });
  const fitting = images
    .filter(({ platform, last }) => last || platform === "linux/amd64")
    .sort((a, b) => Number(a.last) - Number(b.last) || a.variant.localeCompare(b.variant));
  const chosen = fitting.find(({ digest }) => SHA256.test(digest));
  if (chosen !== undefined) return chosen.digest;
  if (fitting[0] !== undefined)
    throw refusal(
      "IMAGE_PLATFORM_MISSING",
      `${image} names its linux/amd64 image by ${fitting[0].digest.slice(0, 80)}, which is not a sha256 digest.`,
      "A lock pins by sha256.",
    );
  const there = [...new Set(images.map(({ platform }) => platform))];
  throw refusal(
    "IMAGE_PLATFORM_MISSING",
    `${image} has no linux/amd64 image; there are: ${there.join(", ") || "none"}.`,
  );
}

/** A platform as engines compare it (containerd, platforms.Normalize): without case, and x86_64 is amd64. */
function platformOf(os: string, architecture: string): string {
  return `${os}/${architecture}`.toLowerCase().replace(/\/x86[-_]64$/u, "/amd64");
}

/**
 * Reads an image's config and checks that it is for linux/amd64. Returns its creation time (ISO, UTC; undefined if missing or the epoch).
 */
export function parseConfig(bytes: Uint8Array, image: string): { readonly createdAt: string | undefined } {
  const config = z.safeParse(configSchema, parseJson(bytes, `The config of ${image}`));
  if (!config.success) throw refusal("IMAGE_FORMAT", `The config of ${image} is not an image config.`);
  const platform = platformOf(config.data.os || "linux", config.data.architecture || "amd64");
  if (platform !== "linux/amd64")
    throw refusal("IMAGE_PLATFORM_MISSING", `${image} is an image for ${platform}, not for linux/amd64.`);
  const time = Date.parse(config.data.created ?? "");
  return { createdAt: time > 0 ? new Date(time).toISOString() : undefined };
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw refusal(
      "IMAGE_FORMAT",
      `${what} is not JSON (${String(error)}).`,
      "A proxy or login page may have answered instead.",
    );
  }
}
