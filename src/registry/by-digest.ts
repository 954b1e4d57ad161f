import { digestOf } from "../support/digest";
import type { RepositoryClient } from "./client";
import { imageNotFound, unexpectedAnswer, wrongBytes } from "./failures";
import { MANIFEST_TYPES } from "./manifest";

export const MANIFEST_LIMIT = 8 * 1024 * 1024;

/**
 * The content of a digest from the downloads folder, else from the registry; always checked.
 * @param path below /v2/<repository>/: manifests/<digest> or blobs/<digest>
 * @param what its name in messages
 * @throws Failure IMAGE_NOT_FOUND, IMAGE_FORMAT, REGISTRY_WRONG_BYTES (exit 4), those of the client
 */
export async function byDigest(
  client: RepositoryClient,
  path: string,
  digest: string,
  what: string,
): Promise<Uint8Array> {
  const here = await client.downloads.bytes(digest.slice("sha256:".length));
  if (here !== undefined) return here;
  const answer = await client.get(
    path,
    path.startsWith("manifests/") ? MANIFEST_TYPES : "*/*",
    MANIFEST_LIMIT,
  );
  if (answer.status === 404) throw imageNotFound(`${client.repository}@${digest}`, client.registry);
  if (answer.status !== 200) throw unexpectedAnswer(client.registry, what, answer);
  const got = digestOf(answer.body);
  if (got !== digest) throw wrongBytes(what.charAt(0).toUpperCase() + what.slice(1), digest, got);
  await client.downloads.keep(answer.body);
  return answer.body;
}
