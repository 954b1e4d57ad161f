import { isDeepStrictEqual } from "node:util";
import type Docker from "dockerode";
import { readStream } from "../engine";
import type { WorldTools } from "../part";
import { askBackend, backendUrl } from "./backend";
import {
  descriptorOf,
  digestOf,
  DOCKER,
  jsonBytes,
  OCI,
  publicationOf,
  vocabularyOf,
  type Descriptor,
  type Manifest,
  type Publication,
} from "./lists";
import { repositoryOf, type Repository } from "./repository";

const LISTS = `${DOCKER.list}, ${OCI.list}`;
const MANIFESTS = `${DOCKER.manifest}, ${OCI.manifest}`;

/** Pushes a local image through the engine; its layers and its manifest are then in the backend, and the tag points at it. */
async function push(tools: WorldTools, image: string, name: string, tag: string): Promise<void> {
  const { docker, config } = tools;
  const repo = `127.0.0.1:${String(config.ports.registryBackend)}/${name}`;
  await docker.getImage(image).tag({ repo, tag });
  try {
    await readStream(await docker.getImage(`${repo}:${tag}`).push({ authconfig: {} as never }));
  } finally {
    await docker.getImage(`${repo}:${tag}`).remove();
  }
}

/** Puts a local image into the backend under a name and tags, as its publisher would have: a list with several entries. */
export async function publishImage(
  tools: WorldTools,
  image: string,
  name: string,
  tags: readonly string[],
): Promise<void> {
  const [first = "latest"] = tags;
  const repository = repositoryOf(tools, name);
  await push(tools, image, name, first);
  const pushed = await repository.manifest(first, MANIFESTS);
  if (pushed === undefined) throw new Error(`The registry does not have ${name}:${first}, just pushed.`);
  await put(repository, publicationOf(name, parseManifest(pushed)), tags);
}

/** Publishes what stands under one tag under another (or the same), with other labels and so with other digests. */
export async function publishRelabelled(
  tools: WorldTools,
  name: string,
  from: string,
  tag: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  const repository = repositoryOf(tools, name);
  const published = await publishedImage(repository, from);
  const bytes = published && (await repository.blob(published.image.config.digest));
  if (published === undefined || bytes === undefined) throw new Error(`The registry has no ${name}:${from}.`);
  const image = JSON.parse(bytes.toString("utf8")) as { config?: { Labels?: Record<string, string> } };
  const config = jsonBytes({
    ...image,
    created: new Date().toISOString(),
    config: { ...image.config, Labels: { ...image.config?.Labels, ...labels } },
  });
  await repository.putBlob(config);
  const relabelled = { ...published.image, config: descriptorOf(vocabularyOf(name).config, config) };
  await put(repository, publicationOf(name, relabelled), [tag]);
}

async function put(
  repository: Repository,
  { vocabulary, list, manifest, beside }: Publication,
  tags: readonly string[],
): Promise<void> {
  await Promise.all(beside.flatMap(({ blobs }) => blobs).map((blob) => repository.putBlob(blob)));
  for (const one of [manifest, ...beside.map((entry) => entry.manifest)])
    await repository.putManifest(digestOf(one), vocabulary.manifest, one);
  for (const tag of tags) await repository.putManifest(tag, vocabulary.list, list);
}

const parseManifest = (bytes: Buffer): Manifest => JSON.parse(bytes.toString("utf8")) as Manifest;

async function publishedImage(
  repository: Repository,
  tag: string,
): Promise<{ readonly list: Buffer; readonly image: Manifest } | undefined> {
  const list = await repository.manifest(tag, LISTS);
  if (list === undefined) return undefined;
  const { manifests = [] } = JSON.parse(list.toString("utf8")) as { manifests?: Descriptor[] };
  const amd64 = manifests.find((entry) => entry.platform?.architecture === "amd64");
  const manifest = amd64 && (await repository.manifest(amd64.digest, MANIFESTS));
  return manifest && { list, image: parseManifest(manifest) };
}

/** Whether every tag holds exactly what publishing this local image would put there. */
export async function isPublished(
  tools: WorldTools,
  image: string,
  name: string,
  tags: readonly string[],
): Promise<boolean> {
  const repository = repositoryOf(tools, name);
  const here = await tools.docker.getImage(image).inspect();
  const found = await Promise.all(tags.map((tag) => publishedImage(repository, tag)));
  const isSame = async (published: (typeof found)[number]): Promise<boolean> => {
    if (published === undefined) return false;
    const config = await repository.blob(published.image.config.digest);
    return (
      config !== undefined &&
      isConfigOf(here, JSON.parse(config.toString("utf8")) as PublishedConfig) &&
      publicationOf(name, published.image).list.equals(published.list)
    );
  };
  return (await Promise.all(found.map(isSame))).every(Boolean);
}

/** What tells an image's configuration (OCI image-spec, config.md) from another's. */
export interface PublishedConfig {
  readonly created?: string;
  readonly config?: { readonly Labels?: Readonly<Record<string, string>> | null };
  readonly rootfs?: { readonly diff_ids?: readonly string[] | null };
}

/** Whether this is the configuration of an image on the engine. Its id does not say: on the containerd image store it is a manifest's. */
export function isConfigOf(
  { Created, RootFS, Config }: Pick<Docker.ImageInspectInfo, "Created" | "RootFS" | "Config">,
  { created = "", config, rootfs }: PublishedConfig,
): boolean {
  const labels = Config.Labels as typeof Config.Labels | null;
  return (
    Date.parse(created) === Date.parse(Created) &&
    isDeepStrictEqual(rootfs?.diff_ids ?? [], RootFS.Layers ?? []) &&
    isDeepStrictEqual({ ...config?.Labels }, { ...labels })
  );
}

/** Takes away all tags of a repository but these. What they share a digest with goes too and is put back by publishing anew. */
export async function keepOnlyTags(tools: WorldTools, name: string, tags: readonly string[]): Promise<void> {
  const repository = repositoryOf(tools, name);
  for (const tag of await repository.tags())
    if (!tags.includes(tag)) await repository.remove(tag, `${LISTS}, ${MANIFESTS}`);
}

/** Every repository that the backend knows, an emptied one too. */
export async function repositories(tools: WorldTools): Promise<readonly string[]> {
  const answer = await askBackend(`${backendUrl(tools)}/v2/_catalog?n=1000`);
  return ((await answer.json()) as { readonly repositories?: readonly string[] | null }).repositories ?? [];
}
