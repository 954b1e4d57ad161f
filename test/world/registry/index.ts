import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { answerJson, bodyOf, cutOff, listenEverywhere, type WorldPart, type WorldTools } from "../part";
import { ensureBackend } from "./backend";
import { forward } from "./forward";
import { isPublished, keepOnlyTags, publishImage, publishRelabelled, repositories } from "./publish";
import {
  challengeFor,
  isForeign,
  mayDo,
  repositoryIn,
  tokenAllows,
  tokenFor,
  userOf,
  userOfForm,
  type Action,
} from "./tokens";

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

/** How a registry wants to be told who asks. */
type Front = "bearer" | "basic";

/** The registry that clients see: the real one, behind the faults, and either a token service or a password. */
export async function startRegistry(
  tools: WorldTools,
  toolchain: string,
  seeds: readonly SeededImage[],
): Promise<RegistryPart> {
  await ensureBackend(tools, toolchain);
  const seed = async (): Promise<void> => {
    for (const name of await repositories(tools))
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
  /** Whether something was written since. */
  let isWritten = false;
  const { registry, registryBasic } = tools.config.ports;
  const fronts: readonly (readonly [Front, number])[] = [
    ["bearer", registry],
    ["basic", registryBasic],
  ];
  const closing = await Promise.all(
    fronts.map(([front, port]) =>
      listenEverywhere(tools.config, port, (request, response) => {
        if (request.method !== "GET" && request.method !== "HEAD") isWritten = true;
        void answer(tools, front, request, response);
      }),
    ),
  );
  return {
    async close() {
      await Promise.all(closing.map((close) => close()));
    },
    async reset() {
      if (!isWritten) return;
      isWritten = false;
      await seed();
    },
    async moveTag(image, name, tag) {
      isWritten = true;
      await publishImage(tools, image, name, [tag]);
    },
    async publishNewer(name, tag, from = tag, labels = {}) {
      isWritten = true;
      await publishRelabelled(tools, name, from, tag, {
        "mesa-template.world.newer": randomUUID(),
        ...labels,
      });
    },
  };
}

async function answer(
  tools: WorldTools,
  front: Front,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
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
  const { authorization } = request.headers;
  if (url.pathname === "/token" && front === "bearer") {
    const form =
      method === "POST" ? new URLSearchParams((await bodyOf(request)).toString("utf8")) : undefined;
    const user = form === undefined ? userOf(authorization) : userOfForm(form);
    if (user === "unknown" || faults.take("registry-token-refused") !== undefined)
      refuse(response, 401, "UNAUTHORIZED");
    else {
      // To a form the field `token` is missing.
      const { token, ...answer } = tokenFor((form ?? url.searchParams).getAll("scope"), user);
      answerJson(response, 200, form === undefined ? { token, ...answer } : answer);
    }
    return;
  }
  const repository = repositoryIn(url.pathname);
  const action: Action = method === "GET" || method === "HEAD" ? "pull" : "push";
  if (!isAllowed(front, authorization, repository, action)) {
    request.resume();
    refuse(response, 401, "UNAUTHORIZED", {
      "WWW-Authenticate":
        front === "basic" ? 'Basic realm="world-registry"' : challengeFor(url.origin, repository, action),
    });
    return;
  }
  if (action === "push") {
    const slow = faults.take("registry-push-slow");
    if (slow !== undefined)
      await new Promise((resolve) =>
        setTimeout(resolve, typeof slow["ms"] === "number" ? slow["ms"] : 2_000),
      );
    const refused = faults.takeFor("registry-push-refused", { method, path });
    if (refused?.["cut"] === true) {
      cutOff(request);
      return;
    }
    if (refused !== undefined) {
      request.resume();
      refuse(response, typeof refused["status"] === "number" ? refused["status"] : 403, "DENIED");
      return;
    }
  }
  const manifest = url.pathname.includes("/manifests/");
  if (manifest && faults.take("registry-unknown-tag") !== undefined) {
    refuse(response, 404, "MANIFEST_UNKNOWN");
    return;
  }
  const spoiled = manifest && method === "GET" && faults.take("registry-wrong-bytes") !== undefined;
  const ours = repository !== undefined && !isForeign(repository);
  const lies = manifest && ours && faults.take("registry-lies-about-digest") !== undefined;
  forward(config.ports.registryBackend, request, response, { spoiled, lies });
}

/** Whether a front lets a request through: with a token that is good for it, or as the user that it names. */
function isAllowed(
  front: Front,
  authorization: string | undefined,
  repository: string | undefined,
  action: Action,
): boolean {
  if (front === "bearer") return tokenAllows(authorization, repository, action);
  const user = userOf(authorization);
  // Such a registry asks everybody who they are before anything else; Docker does not even try without a login.
  if (user === "anonymous" || user === "unknown") return false;
  return repository === undefined || mayDo(user, repository).includes(action);
}

const MESSAGES = {
  UNAUTHORIZED: "authentication required",
  DENIED: "requested access to the resource is denied",
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
