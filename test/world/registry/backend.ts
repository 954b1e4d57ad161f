import { WORLD_LABEL } from "../config";
import { inputsHash } from "../engine";
import type { WorldTools } from "../part";

const STORAGE = "/var/lib/registry";
const CONFIGURATION = `version: 0.1
storage:
  filesystem:
    rootdirectory: ${STORAGE}
  delete:
    enabled: true
http:
  addr: :5000
`;

/** Where the real registry answers on this host. */
export function backendUrl({ config }: Pick<WorldTools, "config">): string {
  return `http://127.0.0.1:${String(config.ports.registryBackend)}`;
}

/**
 * The real docker-registry in a container, published on the loopback only. Its storage is a volume of this world's, which
 * outlives it: a world that starts again has nothing to fill.
 */
export async function ensureBackend(tools: WorldTools, toolchain: string): Promise<void> {
  const { docker, config } = tools;
  const name = `mesa-template-world-registry-${String(config.ports.registryBackend)}`;
  const found = await docker.listContainers({ all: true, filters: { name: [`^/${name}$`] } });
  for (const container of found) {
    if (container.State === "running") return;
    await docker.getContainer(container.Id).remove({ force: true });
  }
  const volume = `mesa-template-world-registry-${inputsHash(config.dir)}`;
  const labels = { [WORLD_LABEL]: config.dir };
  await docker.createVolume({ Name: volume, Labels: labels });
  const container = await docker.createContainer({
    name,
    Image: toolchain,
    Cmd: [
      "sh",
      "-c",
      'printf %s "$CONFIGURATION" > /registry.yml && exec docker-registry serve /registry.yml',
    ],
    Env: [`CONFIGURATION=${CONFIGURATION}`],
    Labels: labels,
    ExposedPorts: { "5000/tcp": {} },
    HostConfig: {
      Binds: [`${volume}:${STORAGE}`],
      PortBindings: { "5000/tcp": [{ HostIp: "127.0.0.1", HostPort: String(config.ports.registryBackend) }] },
    },
  });
  await container.start();
  await untilItAnswers(backendUrl(tools));
}

const ANSWER_LIMIT_MS = 5_000;

/** A request to the registry. One that gets no answer in time is sent again: Node's fetch was seen to wait for ever on a connection that is gone. */
export async function askBackend(url: string | URL, init: RequestInit = {}): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_LIMIT_MS * attempt) });
    } catch (error) {
      if (attempt === 4) throw error;
    }
  }
}

async function untilItAnswers(base: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    try {
      if ((await fetch(`${base}/v2/`, { signal: AbortSignal.timeout(1_000) })).ok) return;
    } catch {
      // Not up yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("The world's docker-registry did not answer within 10 s.");
}
