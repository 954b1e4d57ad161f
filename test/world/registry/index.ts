import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { answerJson, cutOff, listenEverywhere, type WorldPart, type WorldTools } from "../part";
import { ensureBackend } from "./backend";
import { forward } from "./forward";
import { isPublished, keepOnlyTags, publishImage, publishRelabelled } from "./publish";
import { challengeFor, mayPull, repositoryIn, tokenFor } from "./tokens";

export interface SeededImage {
  /** Reference of a local image. */
  readonly image: string;
  /** Canonical name without a tag: docker.io/library/debian */
  readonly name: string;
  readonly tags: readonly string[];
}

export interface RegistryPart extends WorldPart {
  /** Puts a local image under a tag, an existing or a new one. reset() undoes it. */
  moveTag(image: string, name: string, tag: string): Promise<void>;
  /**
   * Publishes a newer image: what stands under `from` with other labels, and so with other digests.
   * (A newer base under the same tag; a newer sandbox-api under a new one.) reset() undoes it.
   */
  publishNewer(
    name: string,
    tag: string,
    from?: string,
    labels?: Readonly<Record<string, string>>,
  ): Promise<void>;
}

/** The registry that clients see: the real one, behind a token service and the faults. */
export async function startRegistry(
  tools: WorldTools,
  toolchain: string,
  seeds: readonly SeededImage[],
): Promise<RegistryPart> {
  await ensureBackend(tools, toolchain);
  const touched = new Set(seeds.map(({ name }) => name));
  const seed = async (): Promise<void> => {
    for (const name of touched)
      await keepOnlyTags(
        tools,
        name,
        seeds.filter((one) => one.name === name).flatMap(({ tags }) => tags),
      );
    for (const { image, name, tags } of seeds) {
      if (await isPublished(tools, image, name, tags)) continue;
      tools.log(`filling the registry: ${name}`);
      await publishImage(tools, image, name, tags);
    }
  };
  await seed();
  const close = await listenEverywhere(tools.config, tools.config.ports.registry, (request, response) => {
    answer(tools, request, response);
  });
  return {
    close,
    reset: seed,
    async moveTag(image, name, tag) {
      touched.add(name);
      await publishImage(tools, image, name, [tag]);
    },
    async publishNewer(name, tag, from = tag, labels = {}) {
      touched.add(name);
      await publishRelabelled(tools, name, from, tag, {
        "mesa-template.world.newer": randomUUID(),
        ...labels,
      });
    },
  };
}

function answer(tools: WorldTools, request: IncomingMessage, response: ServerResponse): void {
  const { faults, requests, config } = tools;
  const path = request.url ?? "/";
  const method = request.method ?? "GET";
  if (faults.take("registry-down") !== undefined) {
    requests.add({ to: "registry", method, path, status: 0 });
    cutOff(request);
    return;
  }
  response.on("finish", () => {
    requests.add({ to: "registry", method, path, status: response.statusCode });
  });
  const url = new URL(path, `http://${request.headers.host ?? `127.0.0.1:${String(config.ports.registry)}`}`);
  if (url.pathname === "/token") {
    if (faults.take("registry-token-refused") !== undefined) refuse(response, 401, "UNAUTHORIZED");
    else answerJson(response, 200, tokenFor(url.searchParams.getAll("scope")));
    return;
  }
  const repository = repositoryIn(url.pathname);
  if (!mayPull(request.headers.authorization, repository)) {
    refuse(response, 401, "UNAUTHORIZED", { "WWW-Authenticate": challengeFor(url.origin, repository) });
    return;
  }
  if (method !== "GET" && method !== "HEAD") {
    refuse(response, 405, "UNSUPPORTED");
    return;
  }
  const manifest = url.pathname.includes("/manifests/");
  if (manifest && faults.take("registry-unknown-tag") !== undefined) {
    refuse(response, 404, "MANIFEST_UNKNOWN");
    return;
  }
  const spoiled = manifest && method === "GET" && faults.take("registry-wrong-bytes") !== undefined;
  forward(config.ports.registryBackend, request, response, spoiled);
}

const MESSAGES = {
  UNAUTHORIZED: "authentication required",
  UNSUPPORTED: "The operation is unsupported.",
  MANIFEST_UNKNOWN: "manifest unknown",
} as const;

function refuse(
  response: ServerResponse,
  status: number,
  code: keyof typeof MESSAGES,
  headers: Readonly<Record<string, string>> = {},
): void {
  answerJson(
    response,
    status,
    { errors: [{ code, message: MESSAGES[code], detail: null }] },
    { "Docker-Distribution-Api-Version": "registry/2.0", ...headers },
  );
}
