import * as z from "zod/mini";
import { refusal, type Failure } from "../support/errors";
import type { Host } from "../support/host";
import { digestOf } from "../support/text/digest";
import { nextHop, type HttpAnswer } from "../support/network/http";
import { openRepository, type Repository } from "./client";
import { pushRefused, statusOf } from "./failures";
import { OCI_INDEX, OCI_MANIFEST } from "./manifest";
import { readContent, readManifest, type Content } from "./read-content";
import { parsedJson, valueAt } from "../support/text/parsed-json";

/** Largest blob to read, in bytes. */
const BLOB_LIMIT = 32 * 1024 * 1024;

/** The configuration of an artifact that is not an image (OCI image-spec, "Guidance for an Empty Descriptor"). */
const EMPTY = { mediaType: "application/vnd.oci.empty.v1+json", bytes: Buffer.from("{}") };

const descriptorSchema = z.object({ mediaType: z.string(), digest: z.string() });

type Descriptor = z.infer<typeof descriptorSchema>;

/** The list in an artifact's manifest, and the one in an index. */
type ListName = "layers" | "manifests";

/** A piece to attach to an image. */
export interface Piece {
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * Adds pieces to the artifact beside an image, under a tag of its own. Its subject is the image; without a referrers API (the answer lacks
 * OCI-Subject), the list under the tag sha256-<hex> is updated too (OCI distribution-spec, "Referrers Tag Schema"). Existing pieces stay,
 * including those of others.
 * @param image registry/path@sha256:…
 * @returns the digest of the artifact's manifest
 * @throws Failure PUSH_REFUSED, REGISTRY_REFUSED, REGISTRY_UNREACHABLE (exit 3), REGISTRY_WRONG_BYTES, IMAGE_FORMAT (exit 4)
 */
export async function addReferrer(
  host: Host,
  image: string,
  tag: string,
  artifactType: string,
  pieces: readonly Piece[],
): Promise<string> {
  const repository = openRepository(host, image, { actions: "pull,push" });
  const digest = repository.reference.digest ?? "";
  const subject = await readManifest(repository, digest);
  if (subject === undefined)
    throw refusal("IMAGE_FORMAT", `${image} is not in the registry, so nothing can be attached to it.`);
  const { mediaType } = z.parse(
    z.looseObject({ mediaType: z._default(z.string(), OCI_MANIFEST) }),
    parsedJson(subject.body),
  );
  const before = await readManifest(repository, tag);
  const own = await Promise.all(
    pieces.map(async ({ annotations, ...piece }) => ({
      ...(await putBlob(repository, piece)),
      annotations,
    })),
  );
  const ownDigests = own.map((piece) => piece.digest);
  const kept = othersIn(repository, tag, before, "layers", ownDigests);
  const manifest = bytesOf({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType,
    config: await putBlob(repository, EMPTY),
    layers: [...kept, ...own],
    subject: { mediaType, digest, size: subject.body.length },
  });
  const answer = await put(repository, `manifests/${tag}`, OCI_MANIFEST, manifest);
  if (!answer.headers.has("oci-subject")) {
    const listTag = digest.replace(":", "-");
    const list = await readManifest(repository, listTag);
    const replaced = [digestOf(manifest), before?.digest ?? ""];
    const others = othersIn(repository, listTag, list, "manifests", replaced);
    const entry = {
      mediaType: OCI_MANIFEST,
      digest: digestOf(manifest),
      size: manifest.length,
      artifactType,
    };
    const index = bytesOf({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [...others, entry] });
    await put(repository, `manifests/${listTag}`, OCI_INDEX, index);
  }
  return digestOf(manifest);
}

/**
 * All pieces of a media type beside an image: in artifacts with it as subject (by the referrers API, else by the tag sha256-<hex>), and in
 * the artifact under the given tag.
 * @param image registry/path@sha256:…
 * @throws Failure REGISTRY_REFUSED, REGISTRY_UNREACHABLE (exit 3), REGISTRY_WRONG_BYTES, IMAGE_FORMAT (exit 4)
 */
export async function piecesBeside(
  host: Host,
  image: string,
  tag: string,
  mediaType: string,
): Promise<readonly Uint8Array[]> {
  const repository = openRepository(host, image, { actions: "pull" });
  const digest = repository.reference.digest ?? "";
  const listed = await repository.request(`referrers/${digest}`, { headers: { accept: OCI_INDEX } });
  const list =
    listed.status === 200 ? listed.body : (await readManifest(repository, digest.replace(":", "-")))?.body;
  const names = [...descriptorsIn(list, "manifests").map((entry) => entry.digest), tag];
  const layers = new Map<string, Descriptor>();
  for (const name of names)
    for (const layer of descriptorsIn((await readManifest(repository, name))?.body, "layers"))
      if (layer.mediaType === mediaType) layers.set(layer.digest, layer);
  return Promise.all([...layers.keys()].map((blob) => readBlob(repository, blob)));
}

async function readBlob(repository: Repository, digest: string): Promise<Uint8Array> {
  const found = await readContent(repository, `blobs/${digest}`, `the blob ${digest}`, BLOB_LIMIT);
  if (found !== undefined) return found.body;
  throw refusal("IMAGE_FORMAT", `${repository.registry} answers 404 for the blob ${digest}.`);
}

async function putBlob(
  repository: Repository,
  { mediaType, bytes }: Pick<Piece, "mediaType" | "bytes">,
): Promise<{ readonly mediaType: string; readonly digest: string; readonly size: number }> {
  const begun = await repository.request("blobs/uploads/", { method: "POST" });
  if (begun.status !== 202) throw notTaken(repository, begun);
  const to = new URL(nextHop(begun.url, begun.headers.get("location") ?? ""));
  to.searchParams.set("digest", digestOf(bytes));
  await put(repository, to.href, "application/octet-stream", bytes);
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

async function put(
  repository: Repository,
  path: string,
  mediaType: string,
  body: Uint8Array<ArrayBuffer>,
): Promise<HttpAnswer> {
  const headers = { "content-type": mediaType };
  const answer = await repository.request(path, { method: "PUT", body, headers });
  if (answer.status !== 201) throw notTaken(repository, answer);
  return answer;
}

function notTaken({ registry, reference }: Repository, answer: HttpAnswer): Failure {
  return pushRefused(registry, reference.repository, `it answers ${statusOf(answer)}`);
}

const bytesOf = (value: unknown): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.from(JSON.stringify(value)));

/** A list in a manifest, entries as they stand; undefined if it has none. Null is an empty list: Go writes it so. */
function listIn(manifest: Uint8Array | undefined, name: ListName): readonly unknown[] | undefined {
  const list = valueAt(parsedJson(manifest), [name]);
  if (list === null) return [];
  return Array.isArray(list) ? list : undefined;
}

function descriptorsIn(manifest: Uint8Array | undefined, name: ListName): readonly Descriptor[] {
  return (listIn(manifest, name) ?? []).flatMap((entry) => descriptorSchema.safeParse(entry).data ?? []);
}

/** What the list under a tag holds besides the replaced digests: it stays as it stands, whatever others wrote there. */
function othersIn(
  { registry, reference }: Repository,
  tag: string,
  found: Content | undefined,
  name: ListName,
  replaced: readonly string[],
): readonly unknown[] {
  if (found === undefined) return [];
  const list = listIn(found.body, name);
  if (list !== undefined)
    return list.filter((entry) => replaced.every((digest) => digest !== valueAt(entry, ["digest"])));
  throw refusal(
    "IMAGE_FORMAT",
    `${registry}/${reference.repository}:${tag} has no list of ${name}, so it is not overwritten.`,
    "See who wrote it there; delete that tag if nobody needs it.",
  );
}
