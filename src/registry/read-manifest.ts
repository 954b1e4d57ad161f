import { digestOf } from "../support/text/digest";
import type { Repository } from "./client";
import { unexpectedAnswer, wrongBytes } from "./failures";
import { MANIFEST_TYPES } from "./manifest";

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
