import { join } from "node:path";
import * as z from "zod/mini";
import { canonicalJson } from "../support/canonical-json";
import { digestOf } from "../support/digest";
import { readIfPresent, writeAtomically } from "../support/files";
import { mediaTypeOf } from "./manifest";

/** The annotation under which a layout's index.json keeps an image's name (OCI image-spec, "Pre-Defined Annotation Keys"). */
const REF_NAME = "org.opencontainers.image.ref.name";

const indexSchema = z.looseObject({
  manifests: z.array(
    z.looseObject({
      digest: z.string(),
      annotations: z.optional(z.record(z.string(), z.string())),
    }),
  ),
});

/** Where a layout keeps the bytes that a digest names. */
export function blobPath(folder: string, digest: string): string {
  return join(folder, "blobs", ...digest.split(":"));
}

/** The images of an OCI image layout: canonical name with tag → digest. A folder that is none has none. */
export async function imagesInLayout(folder: string): Promise<ReadonlyMap<string, string>> {
  const text = await readIfPresent(join(folder, "index.json"));
  if (text === undefined) return new Map();
  const { manifests } = indexSchema.parse(JSON.parse(text.toString("utf8")));
  return new Map(
    manifests.flatMap(({ digest, annotations }) => {
      const name = annotations?.[REF_NAME];
      return name === undefined ? [] : [[name, digest] as const];
    }),
  );
}

/** Puts bytes into a layout under their digest; what is there already, whole, is left alone. */
export async function putBlob(folder: string, bytes: Uint8Array): Promise<string> {
  const digest = digestOf(bytes);
  const path = blobPath(folder, digest);
  const here = await readIfPresent(path);
  if (here === undefined || digestOf(here) !== digest) await writeAtomically(path, bytes);
  return digest;
}

/**
 * Names an image of a layout: `name` (canonical, with tag) stands for this manifest from now on. The blobs it needs are there already.
 * The index is a list of an image's names, of which linux/amd64 alone need be there (OCI image-spec, "Image Layout").
 */
export async function nameInLayout(folder: string, name: string, manifest: Uint8Array): Promise<void> {
  const text = await readIfPresent(join(folder, "index.json"));
  const before = text === undefined ? [] : indexSchema.parse(JSON.parse(text.toString("utf8"))).manifests;
  const entry = {
    annotations: { [REF_NAME]: name },
    digest: await putBlob(folder, manifest),
    mediaType: mediaTypeOf(manifest),
    size: manifest.length,
  };
  const others = before.filter(({ annotations }) => annotations?.[REF_NAME] !== name);
  await writeAtomically(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}\n');
  await writeAtomically(
    join(folder, "index.json"),
    canonicalJson({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [...others, entry],
    }),
  );
}
