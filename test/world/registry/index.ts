import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { answerJson, cutOff, listenEverywhere, type WorldPart, type WorldTools } from "../part";
import { ensureBackend, seededFrom, seedImage } from "./backend";

export interface SeededImage {
  readonly image: string;
  readonly name: string;
  readonly tags: readonly string[];
}

export interface RegistryPart extends WorldPart {
  /** Puts another image under a tag (a newer base under the same tag, a newer sandbox-api). */
  moveTag(image: string, name: string, tag: string): Promise<void>;
}

const TOKEN = "world-registry-token";

/** The registry that clients see: the real one, behind a token service and the faults. */
export async function startRegistry(
  tools: WorldTools,
  toolchain: string,
  seeds: readonly SeededImage[],
): Promise<RegistryPart> {
  await ensureBackend(tools, toolchain);
  const seed = async (): Promise<void> => {
    for (const { image, name, tags } of seeds) await seedImage(tools, image, name, tags);
  };
  const missing = await Promise.all(
    seeds.map(async ({ name, tags }) => !(await seededFrom(tools, name, tags[0] ?? "latest"))),
  );
  if (missing.some(Boolean)) {
    tools.log("filling the registry");
    await seed();
  }
  const close = await listenEverywhere(tools.config, tools.config.ports.registry, (request, response) => {
    handle(tools, request, response);
  });
  return { close, reset: seed, moveTag: (image, name, tag) => seedImage(tools, image, name, [tag]) };
}

function handle(tools: WorldTools, request: IncomingMessage, response: ServerResponse): void {
  const { faults, requests, config } = tools;
  const path = request.url ?? "/";
  const method = request.method ?? "GET";
  response.on("finish", () => {
    requests.add({ to: "registry", method, path, status: response.statusCode });
  });
  if (faults.take("registry-down") !== undefined) {
    requests.add({ to: "registry", method, path, status: 0 });
    cutOff(request);
    return;
  }
  if (path.startsWith("/token")) {
    if (faults.take("registry-token-refused") !== undefined)
      answerJson(response, 401, { errors: [{ code: "UNAUTHORIZED", message: "authentication required" }] });
    else answerJson(response, 200, { token: TOKEN, access_token: TOKEN, expires_in: 300 });
    return;
  }
  if (request.headers.authorization !== `Bearer ${TOKEN}`) {
    const scope = /^\/v2\/(.+)\/(?:manifests|blobs|tags)\//u.exec(path)?.[1];
    const realm = `http://${request.headers.host ?? `127.0.0.1:${String(config.ports.registry)}`}/token`;
    const challenge = `Bearer realm="${realm}",service="world-registry"${scope === undefined ? "" : `,scope="repository:${scope}:pull"`}`;
    answerJson(
      response,
      401,
      { errors: [{ code: "UNAUTHORIZED", message: "authentication required", detail: null }] },
      { "WWW-Authenticate": challenge },
    );
    return;
  }
  const manifest = path.includes("/manifests/");
  if (manifest && faults.take("registry-unknown-tag") !== undefined) {
    answerJson(response, 404, { errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] });
    return;
  }
  forward(
    config.ports.registryBackend,
    request,
    response,
    manifest && method === "GET" && faults.take("registry-wrong-bytes") !== undefined,
  );
}

function forward(port: number, request: IncomingMessage, response: ServerResponse, spoiled: boolean): void {
  const headers = { ...request.headers };
  delete headers.authorization;
  const upstream = httpRequest(
    { host: "127.0.0.1", port, path: request.url, method: request.method, headers },
    (answer) => {
      if (!spoiled) {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
        return;
      }
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        const bytes = Buffer.concat([Buffer.concat(chunks), Buffer.from("\n ")]);
        response.writeHead(answer.statusCode ?? 502, {
          ...answer.headers,
          "content-length": String(bytes.length),
        });
        response.end(bytes);
      });
    },
  );
  upstream.on("error", () => {
    cutOff(request);
  });
  request.pipe(upstream);
}
