import type { IncomingMessage, ServerResponse } from "node:http";
import { answerBl } from "../bl/serve";
import { answerJson, bodyOf, listenEverywhere, type WorldPart, type WorldTools } from "../part";
import { buildUpload, sourceHash } from "./build";
import { importImage, registryHost } from "./import";
import { removeContainer, startContainer, waitForApi } from "./containers";
import { putToSleep, woken } from "./standby";
import { EDGE_LIMIT_MS, gatewayPage, proxyTo } from "./proxy";
import {
  addLog,
  BLAXEL_KEY,
  BLAXEL_WORKSPACES,
  freshState,
  opaque,
  type BlaxelState,
  type Image,
  type ImageTag,
  type Sandbox,
  type Upload,
} from "./state";
import { readZip } from "./zip";

export interface BlaxelPart extends WorldPart {
  state(): unknown;
}

export type StockImages = Readonly<Record<"base-image" | "ts-app", string>>;

interface Context {
  readonly tools: WorldTools;
  readonly workspace: string;
  /** What this workspace has. */
  readonly state: BlaxelState;
  /** The local images behind Blaxel's own, by name: base-image is Alpine, ts-app Debian. */
  readonly stock: StockImages;
}

interface Body {
  readonly metadata?: { readonly name?: string; readonly labels?: Record<string, string> };
  readonly spec?: { readonly region?: string; readonly runtime?: Record<string, unknown> };
}

/** Blaxel's control plane: it really builds what is uploaded and really runs what is created. */
export async function startBlaxel(tools: WorldTools, stock: StockImages): Promise<BlaxelPart> {
  const uploads: BlaxelState["uploads"] = new Map();
  const contexts = BLAXEL_WORKSPACES.map((workspace): Context => ({
    tools,
    workspace,
    state: freshState(uploads),
    stock,
  }));
  const close = await listenEverywhere(tools.config, tools.config.ports.blaxel, (request, response) => {
    void handle(contexts, request, response).catch((error: unknown) => {
      tools.log(`blaxel: ${String(error)}`);
      if (!response.headersSent) answerJson(response, 500, { code: 500, error: String(error) });
    });
  });
  const resting = setInterval(() => {
    const sandboxes = contexts.flatMap(({ state }) => [...state.sandboxes.values()]);
    void putToSleep(tools, sandboxes).catch((error: unknown) => {
      tools.log(`blaxel: ${String(error)}`);
    });
  }, 100);
  const reset = async (): Promise<void> => {
    for (const { state } of contexts) {
      state.era += 1;
      await Promise.all([...state.sandboxes.values()].map((sandbox) => removeContainer(tools, sandbox)));
      state.sandboxes.clear();
      state.images.clear();
      state.uploads.clear();
      state.logs.clear();
    }
  };
  return {
    reset,
    async close() {
      clearInterval(resting);
      await reset();
      await close();
    },
    state: () => ({
      sandboxes: contexts.flatMap(({ workspace, state }) =>
        [...state.sandboxes.values()].map(({ name, image, status }) => ({ name, image, status, workspace })),
      ),
      images: contexts.flatMap(({ workspace, state }) =>
        [...state.images.values()].map(({ name, tags }) => ({
          name: `sandbox/${name}`,
          tags: tags.map((tag) => tag.name),
          workspace,
        })),
      ),
    }),
  };
}

const now = (): string => new Date().toISOString();

async function handle(
  contexts: readonly Context[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [standard, ...others] = contexts;
  if (standard === undefined) throw new Error("there is no workspace");
  const asked = request.headers["x-blaxel-workspace"];
  const context = others.find(({ workspace }) => workspace === asked) ?? standard;
  const { tools, state } = context;
  const { faults, requests } = tools;
  const url = new URL(request.url ?? "/", "http://world");
  const path = url.pathname.replace(/^\/v0(?=\/)/u, "");
  const method = request.method ?? "GET";
  const fault = /^\/_world\/faults\/([a-z-]+)\/take$/u.exec(path)?.[1];
  if (fault !== undefined) {
    const facts = Object.fromEntries(url.searchParams);
    const hangs = fault === "bl-hangs" && faults.peek(fault)?.["command"] === undefined;
    const spared = hangs && !/^(deploy|push)$/u.test(facts["command"] ?? "");
    const args = spared ? undefined : faults.takeFor(fault as never, facts);
    answerJson(response, 200, { on: args !== undefined, args: args ?? {} });
    return;
  }
  if (path === "/_world/bl") {
    const call = (await bodyOf(request)).toString("utf8");
    response.end(faults.peek("bl-hangs") === undefined ? await answerBl(call) : "");
    return;
  }
  response.on("finish", () => {
    requests.add({ to: "blaxel", method, path: path + url.search, status: response.statusCode });
  });
  if (path.startsWith("/upload/")) {
    const upload = state.uploads.get(path.split("/")[2] ?? "");
    const owner = contexts.find(({ workspace }) => workspace === upload?.workspace) ?? context;
    await takeUpload(owner, upload, request, response);
    return;
  }
  const refused = refusal(context, request, method, path);
  const late = faults.take("slow");
  if (late !== undefined)
    await new Promise((resolve) => setTimeout(resolve, typeof late["ms"] === "number" ? late["ms"] : 2000));
  if (refused !== undefined) {
    request.resume();
    refused(response);
    return;
  }
  const sandboxPath = /^\/sbx\/([^/]+)(\/.*)?$/u.exec(path);
  if (sandboxPath !== null) {
    const short = faults.take("edge-short");
    const shortMs = typeof short?.["ms"] === "number" ? short["ms"] : 2_000;
    const sandbox = state.sandboxes.get(sandboxPath[1] ?? "");
    if (sandbox !== undefined) await woken(sandbox, response);
    proxyTo(
      sandbox,
      (sandboxPath[2] ?? "/") + url.search === "/" ? "/" : rawPath(request.url ?? "/"),
      request,
      response,
      short === undefined ? EDGE_LIMIT_MS : shortMs,
    );
    return;
  }
  const body = await bodyOf(request);
  const json = (): Body => (body.length === 0 ? {} : (JSON.parse(body.toString("utf8")) as Body));
  const [, room = "", ...rest] = path.split("/");
  if (room === "sandboxes") await sandboxes(context, method, rest[0], url, json, response);
  else if (room === "images") await images(context, method, rest.join("/"), url, json, response);
  else if (room === "observability") logs(state, url, response);
  else if (room === "workspaces") answerJson(response, 200, { name: context.workspace, id: "1" });
  else if (room === "oauth") answerJson(response, 200, { access_token: BLAXEL_KEY, expires_in: 3600 });
  else if (room === "functions" || room === "models") answerJson(response, 200, { data: [], meta: {} });
  else answerJson(response, 404, { code: 404, error: `no route ${path}` });
}

/** The path inside the sandbox as it was written (an encoded slash must stay one). */
function rawPath(target: string): string {
  return target.replace(/^(\/v0)?\/sbx\/[^/?]+/u, "") || "/";
}

function refusal(
  { tools, workspace }: Context,
  request: IncomingMessage,
  method: string,
  path: string,
): ((response: ServerResponse) => void) | undefined {
  const { faults } = tools;
  const facts = { method, path };
  const credential = (request.headers["x-blaxel-authorization"] ??
    request.headers.authorization ??
    "") as string;
  if (path === "/oauth/token") return undefined;
  const gateway = faults.takeFor("gateway-html", facts);
  if (gateway !== undefined)
    return (response) => {
      if (gateway["status"] === 504) gatewayPage(response, 504, "Gateway Time-out");
      else gatewayPage(response, 502, "Bad Gateway");
    };
  if (credential !== `Bearer ${BLAXEL_KEY}` || faults.takeFor("unauthorized", facts) !== undefined)
    return (response) => {
      answerJson(response, 401, { code: 401, error: "Unauthorized" });
    };
  if (
    request.headers["x-blaxel-workspace"] !== workspace ||
    faults.takeFor("forbidden", facts) !== undefined
  ) {
    return (response) => {
      answerJson(response, 403, {
        code: 403,
        error: "Forbidden",
        message: "you do not have access to this workspace",
      });
    };
  }
  const writes = path.startsWith("/sandboxes") && (method === "POST" || method === "PUT");
  if (writes && faults.take("quota") !== undefined)
    return (response) => {
      answerJson(response, 400, { code: "QUOTA_EXCEEDED", message: "memory quota exceeded for your tier" });
    };
  return undefined;
}

/** The image as the platform names it: for a while without its tag, where it is told to. */
function shownImage(tools: WorldTools, { image, updatedAt }: Sandbox): string {
  const unclear = tools.faults.peek("image-unclear");
  const ms = typeof unclear?.["ms"] === "number" ? unclear["ms"] : Number.POSITIVE_INFINITY;
  const hidden = unclear !== undefined && Date.now() - Date.parse(updatedAt) < ms;
  return hidden ? image.replace(/:[^:/]*$/u, "") : image;
}

function describe({ tools, workspace }: Context, sandbox: Sandbox): unknown {
  const { name, createdAt, updatedAt, labels, region, runtime, status } = sandbox;
  return {
    metadata: {
      name,
      labels,
      workspace,
      url: `http://127.0.0.1:${String(tools.config.ports.blaxel)}/sbx/${name}`,
      createdAt,
      updatedAt,
    },
    spec: { region, runtime: { ...shownRuntime(runtime), image: shownImage(tools, sandbox) } },
    status,
    events: [],
  };
}

/** A login is taken and never shown again. */
function shownRuntime(runtime: Sandbox["runtime"]): Sandbox["runtime"] {
  return Object.fromEntries(Object.entries(runtime).filter(([name]) => name !== "dockerConfig"));
}

async function sandboxes(
  context: Context,
  method: string,
  name: string | undefined,
  url: URL,
  json: () => Body,
  response: ServerResponse,
): Promise<void> {
  const { tools, state } = context;
  if (method === "POST") {
    await createSandbox(context, url, json(), response);
    return;
  }
  if (name === undefined || name === "") {
    const data = [...state.sandboxes.values()].map((sandbox) => describe(context, sandbox));
    answerJson(response, 200, { data, meta: { nextCursor: "", hasMore: false, total: data.length } });
    return;
  }
  const sandbox = state.sandboxes.get(name);
  if (sandbox === undefined) {
    answerJson(response, 404, { code: 404, error: `sandbox ${name} not found` });
    return;
  }
  if (method === "PUT") {
    const body = json();
    const dropped = tools.faults.take("update-dropped") !== undefined;
    if (!dropped) {
      sandbox.runtime = body.spec?.runtime ?? sandbox.runtime;
      sandbox.labels = body.metadata?.labels ?? sandbox.labels;
      sandbox.updatedAt = now();
      if (sandbox.status !== "FAILED" || tools.faults.peek("failed-left-over") === undefined)
        sandbox.status = "UPLOADING";
    }
    const wanted = sandbox.runtime["image"];
    const ready = url.searchParams.get("upload") !== "true" && typeof wanted === "string";
    if (ready && registryHost(wanted) !== undefined) {
      if (!dropped) void importAndDeploy(context, sandbox, wanted);
      answerJson(response, 200, describe(context, sandbox));
      return;
    }
    answerUpload(context, sandbox, url, dropped, response);
    return;
  }
  if (method === "DELETE") {
    state.sandboxes.delete(name);
    await removeContainer(tools, sandbox);
    answerJson(response, 200, { ...(describe(context, { ...sandbox, status: "DELETING" }) as object) });
    return;
  }
  answerJson(response, 200, describe(context, sandbox));
}

async function createSandbox(
  context: Context,
  url: URL,
  body: Body,
  response: ServerResponse,
): Promise<void> {
  const { tools, state } = context;
  const name = body.metadata?.name ?? `sandbox-${opaque(6)}`;
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/u.test(name) || name.length > 49) {
    answerJson(response, 400, { code: 400, error: `invalid name ${name}` });
    return;
  }
  const existing = state.sandboxes.get(name);
  if (existing !== undefined) {
    if (url.searchParams.get("createIfNotExist") === "true")
      answerJson(response, 200, describe(context, existing));
    else
      answerJson(
        response,
        409,
        { code: 409, error: `Sandbox ${name} already exists`, reason: "ALREADY_EXISTS" },
        { "x-should-retry": "true" },
      );
    return;
  }
  const runtime = body.spec?.runtime ?? {};
  const upload = url.searchParams.get("upload") === "true";
  const sandbox: Sandbox = {
    name,
    createdAt: now(),
    updatedAt: now(),
    labels: body.metadata?.labels ?? {},
    runtime,
    region: body.spec?.region ?? "us-pdx-1",
    status: upload ? "UPLOADING" : "DEPLOYING",
    image: upload ? "" : typeof runtime["image"] === "string" ? runtime["image"] : "blaxel/base-image:latest",
    containerId: undefined,
    port: undefined,
    routed: new Map(),
    askedAt: Date.now(),
    asking: 0,
    asleep: undefined,
    unhealthy: false,
  };
  if (upload) {
    state.sandboxes.set(name, sandbox);
    answerUpload(context, sandbox, url, false, response);
    return;
  }
  if (registryHost(sandbox.image) !== undefined) {
    const wanted = sandbox.image;
    sandbox.image = "";
    state.sandboxes.set(name, sandbox);
    void importAndDeploy(context, sandbox, wanted);
    answerJson(response, 200, describe(context, sandbox));
    return;
  }
  const local = localImage(context, sandbox.image);
  if (local === undefined) {
    answerJson(response, 400, { code: 400, error: `image ${sandbox.image} not found` });
    return;
  }
  if (tools.faults.take("create-hangs") !== undefined) return;
  state.sandboxes.set(name, sandbox);
  await run(context, sandbox, local);
  answerJson(response, 200, describe(context, sandbox));
}

function localImage({ state, stock }: Context, reference: string): string | undefined {
  const own = /^blaxel\/(base-image|ts-app)(?::latest)?$/u.exec(reference)?.[1];
  if (own !== undefined) return stock[own as keyof StockImages];
  const [, name, tag] = /^sandbox\/([^:]+)(?::(.+))?$/u.exec(reference) ?? [];
  const tags = state.images.get(name ?? "")?.tags ?? [];
  return (tag === undefined || tag === "latest" ? tags.at(-1) : tags.find((found) => found.name === tag))
    ?.local;
}

/** How long the platform takes at least for an import, in ms: who believes the first DEPLOYED it sees is found out. */
const IMPORT_MS = 1_500;

/** Imports a registry's image under a tag of its own, as often as it is asked to, and runs it. */
async function importAndDeploy(context: Context, sandbox: Sandbox, wanted: string): Promise<void> {
  const { tools, state, workspace } = context;
  const { name } = sandbox;
  const { era } = state;
  const gone = (): boolean => state.era !== era || state.sandboxes.get(name) !== sandbox;
  const image = imageNamed(state, name);
  sandbox.status = "BUILDING";
  image.status = "BUILDING";
  const held = tools.faults.take("import-hangs");
  if (held !== undefined && typeof held["ms"] !== "number") return;
  await new Promise((resolve) =>
    setTimeout(resolve, IMPORT_MS + (held === undefined ? 0 : Number(held["ms"]))),
  );
  try {
    const tag = opaque();
    const local = await importImage(
      tools,
      wanted,
      sandbox.runtime["dockerConfig"],
      `mesa-template-world/platform-${workspace}-${name}:${tag}`,
    );
    const { Size: size } = await tools.docker.getImage(local).inspect();
    if (gone()) return;
    image.tags.push({ name: tag, createdAt: now(), size, local, source: wanted });
    image.status = "BUILT";
    image.updatedAt = now();
    sandbox.status = "DEPLOYING";
    const asSent = tools.faults.peek("import-shown-as-sent") !== undefined;
    sandbox.image = asSent ? wanted : `sandbox/${name}:${tag}`;
    await run(context, sandbox, local);
  } catch (error) {
    if (gone()) return;
    addLog(state, name, error instanceof Error ? error.message : String(error));
    image.status = "FAILED";
    sandbox.status = "FAILED";
  }
}

/** Starts (or restarts) a sandbox from a local image; its status says what came of it. */
async function run({ tools, state, workspace }: Context, sandbox: Sandbox, local: string): Promise<void> {
  await removeContainer(tools, sandbox);
  const crashes = tools.faults.take("sandbox-crash-loop") !== undefined;
  sandbox.unhealthy = tools.faults.take("sandbox-unhealthy") !== undefined;
  try {
    await startContainer(tools, workspace, sandbox, local, crashes);
    if (crashes) addLog(state, sandbox.name, "crash");
    else if (!sandbox.unhealthy && !(await waitForApi(sandbox, 30_000)))
      addLog(state, sandbox.name, "STARTUP TCP probe failed");
    sandbox.status = "DEPLOYED";
  } catch (error) {
    addLog(state, sandbox.name, `failed to start: ${String(error)}`);
    sandbox.status = "FAILED";
  }
  sandbox.updatedAt = now();
}

function answerUpload(
  context: Context,
  sandbox: Sandbox,
  url: URL,
  dropped: boolean,
  response: ServerResponse,
): void {
  const { tools, workspace } = context;
  const headers: Record<string, string> = {};
  if (url.searchParams.get("upload") === "true" && tools.faults.take("upload-url-missing") === undefined) {
    headers["X-Blaxel-Upload-Url"] = uploadUrl(context, {
      kind: "sandbox",
      workspace,
      name: sandbox.name,
      dropped,
    });
  }
  answerJson(response, 200, describe(context, sandbox), headers);
}

/** The storage takes an upload with exactly the x-amz-meta-… headers that its URL was signed for. */
function isSigned(request: IncomingMessage, signed: readonly string[]): boolean {
  const given = Object.keys(request.headers).filter((name) => name.startsWith("x-amz-meta-"));
  return given.length === signed.length && given.every((name) => signed.includes(name));
}

/** Where an upload goes: an address that is good once, with the headers it was signed for. */
function uploadUrl({ tools, state }: Context, upload: Omit<Upload, "signedHeaders">): string {
  const id = opaque(16);
  const asked = tools.faults.peek("upload-signed-headers")?.["names"];
  const signedHeaders = Array.isArray(asked) ? asked.map((name) => String(name).toLowerCase()) : [];
  state.uploads.set(id, { ...upload, signedHeaders });
  const query = new URLSearchParams({
    "X-Amz-SignedHeaders": ["host", ...signedHeaders].join(";"),
    "X-Signature": opaque(24),
  });
  return `http://127.0.0.1:${String(tools.config.ports.blaxel)}/upload/${id}?${query.toString()}`;
}

async function takeUpload(
  context: Context,
  upload: Upload | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { tools } = context;
  const zip = await bodyOf(request);
  const unsigned = upload === undefined || !isSigned(request, upload.signedHeaders);
  if (upload === undefined || unsigned || tools.faults.take("upload-refused") !== undefined) {
    response
      .writeHead(403, { "Content-Type": "application/xml" })
      .end("<Error><Code>AccessDenied</Code></Error>");
    return;
  }
  const work = upload.dropped ? Promise.resolve() : buildAndDeploy(context, upload.kind, upload.name, zip);
  if (tools.faults.take("deployed-without-building") !== undefined) await work;
  response.writeHead(200).end();
}

function imageNamed(state: BlaxelState, name: string): Image {
  const image = state.images.get(name) ?? {
    name,
    createdAt: now(),
    updatedAt: now(),
    status: "BUILDING",
    tags: [],
  };
  state.images.set(name, image);
  return image;
}

async function buildAndDeploy(
  context: Context,
  kind: "sandbox" | "image",
  name: string,
  zip: Buffer,
): Promise<void> {
  const { tools, state } = context;
  const { faults } = tools;
  const { era } = state;
  const sandbox = kind === "sandbox" ? state.sandboxes.get(name) : undefined;
  const gone = (): boolean =>
    state.era !== era || (kind === "sandbox" && state.sandboxes.get(name) !== sandbox);
  const set = (status: string): void => {
    if (sandbox !== undefined && !gone()) sandbox.status = status;
  };
  if (faults.take("build-never-starts") !== undefined) return;
  const leftOver = faults.take("failed-left-over");
  if (leftOver !== undefined)
    await new Promise((resolve) =>
      setTimeout(resolve, typeof leftOver["ms"] === "number" ? leftOver["ms"] : 3000),
    );
  set("BUILDING");
  const held = faults.take("build-hangs");
  if (held !== undefined && typeof held["ms"] !== "number") return;
  if (held !== undefined) await new Promise((resolve) => setTimeout(resolve, Number(held["ms"])));
  try {
    const tag = await makeTag(context, name, zip);
    if (gone()) return;
    if (sandbox === undefined) return;
    set("DEPLOYING");
    sandbox.image = `sandbox/${name}:${tag.name}`;
    await run(context, sandbox, tag.local);
  } catch (error) {
    for (const line of String(error instanceof Error ? error.message : error).split("\n"))
      addLog(state, name, line);
    if (state.era === era) imageNamed(state, name).status = "FAILED";
    set("FAILED");
  }
}

async function makeTag(context: Context, name: string, zip: Buffer): Promise<ImageTag> {
  const { tools, state } = context;
  const image = imageNamed(state, name);
  if (tools.faults.take("build-fails") !== undefined) {
    addLog(state, name, "#1 load Dockerfile");
    throw new Error(
      'ERROR: failed to solve: process "/bin/sh -c apt-get update" did not complete successfully: exit code: 100',
    );
  }
  const entries = readZip(zip);
  const source = sourceHash(entries);
  const same =
    tools.faults.take("image-unchanged") === undefined
      ? image.tags.find((tag) => tag.source === source)
      : image.tags.at(-1);
  if (same !== undefined) {
    addLog(state, name, "source unchanged, reusing the image");
    // The platform reacts within seconds, not at once: who asks every second sees that something began.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    image.status = "BUILT";
    return same;
  }
  image.status = "BUILDING";
  const tagName = opaque();
  const local = await buildUpload(
    tools,
    entries,
    `mesa-template-world/platform-${name}:${tagName}`,
    (line) => {
      addLog(state, name, line);
    },
  );
  const { Size: size } = await tools.docker.getImage(local).inspect();
  const tag = { name: tagName, createdAt: now(), size, local, source };
  image.tags.push(tag);
  image.status = "BUILT";
  image.updatedAt = now();
  return tag;
}

function describeImage({ workspace }: Context, image: Image, odd: boolean): unknown {
  const { name, status, createdAt, updatedAt } = image;
  const last = image.tags.at(-1);
  const tags =
    odd && last !== undefined ? [{ ...last, name: "latest" }, ...[...image.tags].reverse()] : image.tags;
  return {
    metadata: {
      name,
      resourceType: "sandbox",
      workspace,
      displayName: `${workspace}/sandbox/${name}`,
      status,
      createdAt,
      updatedAt,
      lastDeployedAt: updatedAt,
    },
    spec: {
      size: tags.reduce((sum, tag) => sum + tag.size, 0),
      tags: tags.map((tag) => ({
        name: tag.name,
        createdAt: tag.createdAt,
        updatedAt: tag.createdAt,
        size: tag.size,
      })),
    },
  };
}

async function images(
  context: Context,
  method: string,
  rest: string,
  url: URL,
  json: () => Body,
  response: ServerResponse,
): Promise<void> {
  const { tools, state } = context;
  const odd = tools.faults.peek("image-unclear") !== undefined;
  if (method === "POST") {
    const { name = "" } = json() as { name?: string };
    const headers: Record<string, string> = {};
    if (tools.faults.take("upload-url-missing") === undefined) {
      headers["X-Blaxel-Upload-Url"] = uploadUrl(context, {
        kind: "image",
        workspace: context.workspace,
        name,
        dropped: false,
      });
    }
    answerJson(response, 200, { message: "ok", name, resourceType: "sandbox" }, headers);
    return;
  }
  if (rest === "") {
    const all = [...state.images.values()].map((image) => describeImage(context, image, odd));
    answerJson(response, 200, all);
    return;
  }
  const [, name = "", tag] =
    /^sandbox\/([^:/]+)(?:(?::|\/tags\/)(.+))?$/u.exec(decodeURIComponent(rest)) ?? [];
  const image = state.images.get(name);
  if (image === undefined || (tag !== undefined && !image.tags.some((found) => found.name === tag))) {
    answerJson(response, 404, { code: 404, error: `image ${decodeURIComponent(rest)} not found` });
    return;
  }
  if (method === "DELETE") {
    const user = [...state.sandboxes.values()].find(
      (sandbox) =>
        sandbox.image.startsWith(`sandbox/${name}:`) &&
        (tag === undefined || sandbox.image === `sandbox/${name}:${tag}`),
    );
    if (user !== undefined) {
      answerJson(response, 400, {
        code: 400,
        error: `image sandbox/${name} is in use by sandbox ${user.name}`,
      });
      return;
    }
    if (tag === undefined) state.images.delete(name);
    else image.tags = image.tags.filter((found) => found.name !== tag);
  }
  await Promise.resolve();
  answerJson(response, 200, describeImage(context, image, odd));
}

function logs(state: BlaxelState, url: URL, response: ServerResponse): void {
  const name = url.searchParams.get("workloadIds") ?? "";
  const start = url.searchParams.get("start") ?? "";
  const lines = (state.logs.get(name) ?? []).filter((line) => line.timestamp >= start);
  answerJson(response, 200, {
    [name]: {
      logs: [...lines].reverse().map((line) => ({ ...line, severity: 9, trace_id: "" })),
      totalCount: lines.length,
    },
  });
}
