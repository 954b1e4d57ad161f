import * as z from "zod/mini";
import { unusableImage } from "./failures";

const descriptor = z.looseObject({
  digest: z.string().check(z.regex(/^sha256:[0-9a-f]{64}$/u)),
  mediaType: z.optional(z.string()),
});

const listSchema = z.looseObject({
  manifests: z.array(
    z.extend(descriptor, {
      platform: z.optional(
        z.looseObject({ os: z.optional(z.string()), architecture: z.optional(z.string()) }),
      ),
    }),
  ),
});
const imageSchema = z.looseObject({ config: descriptor });
const configSchema = z.looseObject({
  created: z.optional(z.string()),
  os: z.optional(z.string()),
  architecture: z.optional(z.string()),
});

/** What is asked for: OCI and Docker, lists and single images (OCI image-spec, Docker image manifest v2 schema 2). */
export const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

export type ImageManifest =
  { readonly kind: "list"; readonly amd64: string } | { readonly kind: "image"; readonly config: string };

/** Reads a manifest: the linux/amd64 image's digest out of a list (attestations, "unknown/unknown", are no images), or a single image's config digest. */
export function parseManifest(bytes: Uint8Array, image: string): ImageManifest {
  const value = parseJson(bytes, `The manifest of ${image}`);
  const list = z.safeParse(listSchema, value);
  if (list.success) {
    const platforms = list.data.manifests.map(({ platform, digest }) => ({
      name: `${platform?.os ?? "?"}/${platform?.architecture ?? "?"}`,
      digest,
    }));
    const amd64 = platforms.find(({ name }) => name === "linux/amd64");
    if (amd64 !== undefined) return { kind: "list", amd64: amd64.digest };
    const there = [...new Set(platforms.map(({ name }) => name))].filter((name) => !/unknown|\?/u.test(name));
    throw unusableImage(
      "IMAGE_PLATFORM_MISSING",
      `${image} has no linux/amd64 image; there are: ${there.join(", ") || "none"}.`,
    );
  }
  const single = z.safeParse(imageSchema, value);
  if (single.success) {
    return { kind: "image", config: single.data.config.digest };
  }
  throw unusableImage(
    "IMAGE_FORMAT",
    `The registry's answer for ${image} is neither an image manifest nor a list of them.`,
    "Very old images (schema 1) cannot be pinned; push it again with a current Docker.",
  );
}

/** Reads an image config: when it says it was created (ISO, UTC; undefined when it does not, or says the epoch), having seen that it is for linux/amd64. */
export function parseConfig(bytes: Uint8Array, image: string): { readonly createdAt: string | undefined } {
  const config = z.safeParse(configSchema, parseJson(bytes, `The config of ${image}`));
  if (!config.success) throw unusableImage("IMAGE_FORMAT", `The config of ${image} is not an image config.`);
  const { os, architecture, created } = config.data;
  if ((os ?? "linux") !== "linux" || (architecture ?? "amd64") !== "amd64") {
    throw unusableImage(
      "IMAGE_PLATFORM_MISSING",
      `${image} is an image for ${os ?? "?"}/${architecture ?? "?"}, not for linux/amd64.`,
    );
  }
  const time = created === undefined ? Number.NaN : Date.parse(created);
  return { createdAt: time > 0 ? new Date(time).toISOString() : undefined };
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw unusableImage(
      "IMAGE_FORMAT",
      `${what} is not JSON (${String(error)}).`,
      "A proxy's or login page in between looks like this.",
    );
  }
}
