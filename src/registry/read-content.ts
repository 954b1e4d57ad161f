import { refusal } from "../support/errors";
import { digestOf } from "../support/text/digest";
import type { Repository } from "./client";
import { statusOf, wrongBytes } from "./failures";
import { MANIFEST_TYPES } from "./manifest";

/** Bytes that were checked against their digest. */
export interface Content {
  readonly digest: string;
  readonly body: Uint8Array;
}

/**
 * What is at manifests/<tag or digest> or blobs/<digest>, checked against its name and what the registry announces; undefined if there is
 * nothing.
 * @param what its name in messages: "the manifest of …"
 * @throws Failure IMAGE_FORMAT, REGISTRY_WRONG_BYTES (exit 4), those of the repository
 */
export async function readContent(
  { get, registry }: Repository,
  path: string,
  what: string,
  limitBytes?: number,
): Promise<Content | undefined> {
  const answer = await get(path, path.startsWith("manifests/") ? MANIFEST_TYPES : "*/*", limitBytes);
  if (answer.status === 404) return undefined;
  if (answer.status !== 200)
    throw refusal("IMAGE_FORMAT", `${registry} answers ${statusOf(answer)} for ${what}.`);
  const digest = digestOf(answer.body);
  for (const named of [answer.headers.get("docker-content-digest"), path.replace(/^.*\//u, "")])
    if (named?.startsWith("sha256:") === true && named !== digest)
      throw wrongBytes(what.charAt(0).toUpperCase() + what.slice(1), named, digest);
  return { digest, body: answer.body };
}

/** A manifest by tag or digest; as readContent. */
export function readManifest(repository: Repository, name: string): Promise<Content | undefined> {
  const at = name.startsWith("sha256:") ? "@" : ":";
  const what = `the manifest of ${repository.reference.repository}${at}${name}`;
  return readContent(repository, `manifests/${name}`, what);
}
