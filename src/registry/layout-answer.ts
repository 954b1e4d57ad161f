import { readFile, stat } from "node:fs/promises";
import { hasErrno } from "../support/errors";
import { mediaTypeOf } from "./manifest";
import { blobPath, imagesInLayout } from "./oci-layout";

/** An answer of the registry API: a body of its own, or a file's. */
export interface LayoutAnswer {
  readonly status: 200 | 404;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | { readonly file: string };
}

const ROUTE =
  /^\/v2\/(?<name>[a-z0-9][a-z0-9._:/-]*)\/(?<kind>manifests|blobs|tags)\/(?<reference>[\w.:-]+)$/u;
const DIGEST = /^sha256:[0-9a-f]{64}$/u;

const json = (status: 200 | 404, value: unknown): LayoutAnswer => ({
  status,
  headers: { "content-type": "application/json" },
  body: Buffer.from(JSON.stringify(value)),
});

/** What a read-only registry that holds an OCI image layout answers to GET of a path (OCI distribution-spec, "Pull" and "Listing Tags"). */
export async function layoutAnswer(folder: string, path: string): Promise<LayoutAnswer> {
  if (path === "/v2/") return json(200, {});
  const { name = "", kind, reference = "" } = ROUTE.exec(path)?.groups ?? {};
  const images = await imagesInLayout(folder);
  if (kind === "tags" && reference === "list") return tags(images, name);
  const digest = DIGEST.test(reference) ? reference : images.get(`${name}:${reference}`);
  if (kind === "manifests" && digest !== undefined) return manifest(folder, digest);
  if (kind === "blobs" && digest !== undefined) return blob(folder, digest);
  return unknown("NAME_UNKNOWN", `${name}:${reference}`);
}

function unknown(code: string, what: string): LayoutAnswer {
  return json(404, { errors: [{ code, message: `${what} is not in the vendored folder`, detail: null }] });
}

function tags(images: ReadonlyMap<string, string>, name: string): LayoutAnswer {
  const found = [...images.keys()].flatMap((image) =>
    image.startsWith(`${name}:`) ? [image.slice(name.length + 1)] : [],
  );
  return found.length === 0 ? unknown("NAME_UNKNOWN", name) : json(200, { name, tags: found.sort() });
}

async function manifest(folder: string, digest: string): Promise<LayoutAnswer> {
  try {
    const body = await readFile(blobPath(folder, digest));
    const headers = { "content-type": mediaTypeOf(body), "docker-content-digest": digest };
    return { status: 200, headers, body };
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
    return unknown("MANIFEST_UNKNOWN", digest);
  }
}

async function blob(folder: string, digest: string): Promise<LayoutAnswer> {
  const file = blobPath(folder, digest);
  try {
    const { size } = await stat(file);
    const headers = {
      "content-type": "application/octet-stream",
      "content-length": String(size),
      "docker-content-digest": digest,
    };
    return { status: 200, headers, body: { file } };
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
    return unknown("BLOB_UNKNOWN", digest);
  }
}
