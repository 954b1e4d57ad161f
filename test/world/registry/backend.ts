import type Docker from "dockerode";
import { WORLD_LABEL } from "../config";
import { readStream } from "../engine";
import type { WorldTools } from "../part";

/** The real docker-registry in a container, published on the loopback only. Storage lives and dies with the container. */
export async function ensureBackend(tools: WorldTools, toolchain: string): Promise<void> {
  const { docker, config } = tools;
  const name = `mesa-template-world-registry-${String(config.ports.registryBackend)}`;
  const found = await docker.listContainers({ all: true, filters: { name: [`^/${name}$`] } });
  for (const container of found) {
    if (container.State === "running") return;
    await docker.getContainer(container.Id).remove({ force: true });
  }
  const yaml =
    "version: 0.1\\nstorage:\\n  filesystem:\\n    rootdirectory: /var/lib/registry\\n  delete:\\n    enabled: true\\nhttp:\\n  addr: :5000\\n";
  const container = await docker.createContainer({
    name,
    Image: toolchain,
    Cmd: ["sh", "-c", `printf '${yaml}' > /registry.yml && exec docker-registry serve /registry.yml`],
    Labels: { [WORLD_LABEL]: config.dir },
    ExposedPorts: { "5000/tcp": {} },
    HostConfig: {
      PortBindings: { "5000/tcp": [{ HostIp: "127.0.0.1", HostPort: String(config.ports.registryBackend) }] },
    },
  });
  await container.start();
  const base = backendUrl(tools);
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      if ((await fetch(`${base}/v2/`)).ok) return;
    } catch {
      // Not up yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("The world's docker-registry did not answer within 10 s.");
}

export function backendUrl({ config }: Pick<WorldTools, "config">): string {
  return `http://127.0.0.1:${String(config.ports.registryBackend)}`;
}

/** Pushes a local image under a name of the backend. */
async function push(docker: Docker, image: string, repository: string, tag: string): Promise<void> {
  await docker.getImage(image).tag({ repo: repository, tag });
  try {
    const stream = await docker.getImage(`${repository}:${tag}`).push({ authconfig: {} as never });
    await readStream(stream);
  } finally {
    await docker.getImage(`${repository}:${tag}`).remove();
  }
}

const LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

/**
 * Puts an image into the backend under NAME:TAG as a manifest list with a linux/amd64 entry and, as real publishers
 * have, an entry for an unknown platform beside it.
 */
export async function seedImage(
  tools: WorldTools,
  image: string,
  name: string,
  tags: readonly string[],
): Promise<void> {
  const base = backendUrl(tools);
  const [first = "latest"] = tags;
  await push(
    tools.docker,
    image,
    `127.0.0.1:${String(tools.config.ports.registryBackend)}/${name}`,
    `${first}-amd64`,
  );
  const answer = await fetch(`${base}/v2/${name}/manifests/${first}-amd64`, {
    headers: { Accept: MANIFEST },
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  const entry = {
    mediaType: MANIFEST,
    size: bytes.length,
    digest: answer.headers.get("docker-content-digest"),
  };
  const list = JSON.stringify({
    schemaVersion: 2,
    mediaType: LIST,
    manifests: [
      { ...entry, platform: { architecture: "unknown", os: "unknown" } },
      { ...entry, platform: { architecture: "amd64", os: "linux" } },
    ],
  });
  for (const tag of tags) {
    const put = await fetch(`${base}/v2/${name}/manifests/${tag}`, {
      method: "PUT",
      headers: { "Content-Type": LIST },
      body: list,
    });
    if (!put.ok)
      throw new Error(`The registry refused ${name}:${tag}: ${String(put.status)} ${await put.text()}`);
  }
}

/** Whether the backend already has NAME:TAG made from this image. */
export async function seededFrom(tools: WorldTools, name: string, tag: string): Promise<boolean> {
  const answer = await fetch(`${backendUrl(tools)}/v2/${name}/manifests/${tag}`, {
    method: "HEAD",
    headers: { Accept: LIST },
  });
  return answer.ok;
}
