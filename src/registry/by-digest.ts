import { digestOf, hexOf } from "../support/text/digest";
import type { Downloads } from "../support/network/downloads";
import type { Repository } from "./client";
import { imageNotFound, unexpectedAnswer, wrongBytes } from "./failures";
import { MANIFEST_TYPES } from "./manifest";

/**
 * The content of a digest from the downloads folder, else from the registry; always checked.
 * @param path below /v2/<repository>/: manifests/<digest> or blobs/<digest>
 * @param what its name in messages
 * @throws Failure IMAGE_NOT_FOUND, IMAGE_FORMAT, REGISTRY_WRONG_BYTES (exit 4), those of the repository
 */
export async function byDigest(
  { get, reference, registry }: Repository,
  downloads: Downloads,
  path: string,
  digest: string,
  what: string,
): Promise<Uint8Array> {
  const here = await downloads.bytes(hexOf(digest));
  if (here !== undefined) return here;
  const answer = await get(path, path.startsWith("manifests/") ? MANIFEST_TYPES : "*/*");
  if (answer.status === 404) throw imageNotFound(`${reference.repository}@${digest}`, registry);
  if (answer.status !== 200) throw unexpectedAnswer(registry, what, answer);
  const got = digestOf(answer.body);
  if (got !== digest) throw wrongBytes(what.charAt(0).toUpperCase() + what.slice(1), digest, got);
  await downloads.keep(answer.body);
  return answer.body;
}

/**
 * A manifest by tag or digest, checked against its name and what the registry announces; undefined if there is none.
 * @throws Failure IMAGE_FORMAT, REGISTRY_WRONG_BYTES (exit 4), those of the repository
 */
export async function readManifest(
  { get, registry, reference: { repository } }: Repository,
  name: string,
): Promise<{ readonly digest: string; readonly body: Uint8Array } | undefined> {
  const answer = await get(`manifests/${name}`, MANIFEST_TYPES);
  const what = `the manifest of ${repository}${name.startsWith("sha256:") ? "@" : ":"}${name}`;
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw unexpectedAnswer(registry, what, answer);
  const digest = digestOf(answer.body);
  for (const named of [answer.headers.get("docker-content-digest"), name])
    if (named?.startsWith("sha256:") === true && named !== digest)
      throw wrongBytes(`The${what.slice(3)}`, named, digest);
  return { digest, body: answer.body };
}
