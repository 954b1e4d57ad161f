import { createHash } from "node:crypto";

/** What a manifest refers to another thing by. */
export interface Descriptor {
  readonly mediaType: string;
  readonly size: number;
  readonly digest: string;
  readonly platform?: { readonly architecture: string; readonly os: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** The two vocabularies in which the same images are published: Docker's own and the OCI's. */
export interface Vocabulary {
  readonly list: string;
  readonly manifest: string;
  readonly config: string;
  readonly layer: string;
}

export const DOCKER: Vocabulary = {
  list: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};

export const OCI: Vocabulary = {
  list: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

/** ghcr.io holds what buildx pushed with provenance: OCI indexes. The other registries' images get Docker's lists, so that both are met. */
export function vocabularyOf(name: string): Vocabulary {
  return name.startsWith("ghcr.io/") ? OCI : DOCKER;
}

export const jsonBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Points at bytes. */
export function descriptorOf(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, size: bytes.length, digest: digestOf(bytes) };
}

/** The same image in a vocabulary: its configuration and layers stay byte for byte. */
function manifestIn(vocabulary: Vocabulary, { config, layers }: Manifest): Buffer {
  return jsonBytes({
    schemaVersion: 2,
    mediaType: vocabulary.manifest,
    config: { mediaType: vocabulary.config, size: config.size, digest: config.digest },
    layers: layers.map(({ size, digest }) => ({ mediaType: vocabulary.layer, size, digest })),
  });
}

interface Beside {
  readonly blobs: readonly Buffer[];
  readonly manifest: Buffer;
  readonly entry: Descriptor;
}

/** An image for another platform that has nothing in it: whoever takes the wrong entry of a list gets no working image. */
function emptyImageForArm(vocabulary: Vocabulary): Beside {
  const config = jsonBytes({
    architecture: "arm64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [] },
    history: [],
  });
  const manifest = jsonBytes({
    schemaVersion: 2,
    mediaType: vocabulary.manifest,
    config: descriptorOf(vocabulary.config, config),
    layers: [],
  });
  const platform = { architecture: "arm64", os: "linux" };
  return {
    blobs: [config],
    manifest,
    entry: { ...descriptorOf(vocabulary.manifest, manifest), platform },
  };
}

/** The attestation that buildx puts beside an image: an entry of platform unknown/unknown that is no image at all. */
function attestationOf(vocabulary: Vocabulary, image: Descriptor): Beside {
  const statement = jsonBytes({
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType: "https://slsa.dev/provenance/v0.2",
    subject: [{ name: "_", digest: { sha256: image.digest.replace("sha256:", "") } }],
    predicate: {},
  });
  const config = jsonBytes({
    architecture: "unknown",
    os: "unknown",
    config: {},
    rootfs: { type: "layers", diff_ids: [digestOf(statement)] },
  });
  const manifest = jsonBytes({
    schemaVersion: 2,
    mediaType: vocabulary.manifest,
    config: descriptorOf(vocabulary.config, config),
    layers: [descriptorOf("application/vnd.in-toto+json", statement)],
  });
  return {
    blobs: [statement, config],
    manifest,
    entry: {
      ...descriptorOf(vocabulary.manifest, manifest),
      annotations: {
        "vnd.docker.reference.digest": image.digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
      platform: { architecture: "unknown", os: "unknown" },
    },
  };
}

/** What stands under a tag: the list, the linux/amd64 image's manifest, and what is beside it. */
export interface Publication {
  readonly vocabulary: Vocabulary;
  readonly list: Buffer;
  readonly manifest: Buffer;
  readonly beside: readonly Beside[];
}

/**
 * How an image is published under a name. Pure: the same image gives the same bytes, whichever vocabulary it comes in.
 * The amd64 entry is never the first, for lists have no order to rely on.
 */
export function publicationOf(name: string, image: Manifest): Publication {
  const vocabulary = vocabularyOf(name);
  const manifest = manifestIn(vocabulary, image);
  const amd64 = {
    ...descriptorOf(vocabulary.manifest, manifest),
    platform: { architecture: "amd64", os: "linux" },
  };
  const arm = emptyImageForArm(vocabulary);
  const beside = vocabulary === OCI ? [arm, attestationOf(vocabulary, amd64)] : [arm];
  const [first, ...others] = beside.map(({ entry }) => entry);
  const list = jsonBytes({
    schemaVersion: 2,
    mediaType: vocabulary.list,
    manifests: [first, amd64, ...others],
  });
  return { vocabulary, list, manifest, beside };
}
