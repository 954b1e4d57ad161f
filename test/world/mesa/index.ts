import type { IncomingMessage, ServerResponse } from "node:http";
import { answerJson, bodyOf, cutOff, listenEverywhere, type WorldPart, type WorldTools } from "../part";
import { freshState, MESA_ORG, newId, type MesaState, type StoredKey, type StoredRepo } from "./state";
import { identityOfToken } from "./tokens";

export interface MesaApiPart extends WorldPart {
  state(): unknown;
}

interface Caller {
  readonly scopes: readonly string[];
  /** Repositories it may see; undefined: all. */
  readonly allows: (repo: StoredRepo) => boolean;
  readonly key: StoredKey | undefined;
}

const RANK = { read: 1, write: 2, admin: 3 } as const;
type Scope = keyof typeof RANK;

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Mesa's REST API and the content side that the stand-in program mounts. */
export async function startMesaApi(tools: WorldTools): Promise<MesaApiPart> {
  let state = freshState();
  const close = await listenEverywhere(tools.config, tools.config.ports.mesa, (request, response) => {
    void handle(tools, state, request, response);
  });
  return {
    close,
    reset() {
      state = freshState();
      return Promise.resolve();
    },
    state: () => ({
      keys: state.keys.map(({ id, name, key, scopes, expires_at, revoked_at }) => ({
        id,
        name,
        key,
        scopes,
        expires_at,
        revoked_at,
      })),
      repos: state.repos.map(({ org, name, files }) => ({
        org,
        name,
        files: Object.fromEntries([...files].map(([path, data]) => [path, data.toString("utf8")])),
      })),
    }),
  };
}

async function handle(
  tools: WorldTools,
  state: MesaState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { faults, requests } = tools;
  const url = new URL(request.url ?? "/", "http://world");
  const method = request.method ?? "GET";
  response.on("finish", () => {
    if (!url.pathname.startsWith("/_world"))
      requests.add({ to: "mesa", method, path: url.pathname, status: response.statusCode });
  });
  if (url.pathname === "/_world/mount") {
    const asked = (["mount-lies", "mount-dies", "mount-slow", "mount-read-only"] as const).flatMap((name) => {
      const args = faults.take(name);
      return args === undefined
        ? []
        : [`${name} ${typeof args["ms"] === "number" ? String(args["ms"]) : ""}`];
    });
    response.writeHead(200, { "Content-Type": "text/plain" }).end(`${asked.join("\n")}\n`);
    return;
  }
  const content = url.pathname.startsWith("/vcs/");
  if (faults.take(content ? "mesa-grpc-down" : "mesa-api-down") !== undefined) {
    requests.add({ to: "mesa", method, path: url.pathname, status: 0 });
    cutOff(request);
    return;
  }
  try {
    const body = await bodyOf(request);
    const caller = identify(tools, state, request);
    if (content) vcs(tools, state, caller, method, url, body, response);
    else rest(tools, state, caller, method, url, body, response);
  } catch (error) {
    if (error instanceof Refusal)
      answerJson(response, error.status, { error: { code: error.code, message: error.message } });
    else answerJson(response, 500, { error: { code: "INTERNAL", message: String(error) } });
  }
}

function identify(tools: WorldTools, state: MesaState, request: IncomingMessage): Caller {
  const credential = /^Bearer (.+)$/u.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const unauthorized = new Refusal(401, "UNAUTHORIZED", "Invalid or missing credentials");
  const now = Date.now();
  const admin = state.keys.find((key) => key.key === credential && key.scopes.includes("admin"));
  if (tools.faults.peek("mesa-unauthorized") !== undefined) {
    tools.faults.take("mesa-unauthorized");
    throw unauthorized;
  }
  const live = state.keys.filter(
    (key) => key.revoked_at === null && (key.expires_at === null || Date.parse(key.expires_at) > now),
  );
  const key = live.find((stored) => stored.key === credential);
  if (key !== undefined) {
    const scopes = admin === undefined && tools.faults.peek("mesa-scope") !== undefined ? [] : key.scopes;
    return { scopes, key, allows: (repo) => key.repo_ids === null || key.repo_ids.includes(repo.id) };
  }
  const token = identityOfToken(credential, live, now);
  if (token === undefined) throw unauthorized;
  const scopes = tools.faults.peek("mesa-scope") === undefined ? token.scopes : [];
  return {
    scopes,
    key: token.key,
    allows: (repo) =>
      (token.repos === undefined || token.repos.includes(`${repo.org}/${repo.name}`)) &&
      (token.key?.repo_ids == null || token.key.repo_ids.includes(repo.id)),
  };
}

function need(caller: Caller, scope: Scope): void {
  const best = Math.max(0, ...caller.scopes.map((name) => RANK[name as Scope]));
  if (best < RANK[scope]) throw new Refusal(403, "FORBIDDEN", `This credential lacks the scope "${scope}"`);
}

function repoOf(tools: WorldTools, state: MesaState, caller: Caller, org: string, name: string): StoredRepo {
  const found = state.repos.find((repo) => repo.org === org && repo.name === name);
  if (found === undefined || !caller.allows(found) || tools.faults.take("mesa-repo-missing") !== undefined) {
    throw new Refusal(404, "NOT_FOUND", `repo '${org}/${name}' not found`);
  }
  return found;
}

function vcs(
  tools: WorldTools,
  state: MesaState,
  caller: Caller,
  method: string,
  url: URL,
  body: Buffer,
  response: ServerResponse,
): void {
  const [, , org = "", name = "", what = ""] = url.pathname.split("/");
  need(caller, "read");
  const repo = repoOf(tools, state, caller, org, name);
  const path = url.searchParams.get("path") ?? "";
  const ok = (data: Buffer | string): void => {
    const bytes = Buffer.from(data);
    response
      .writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": bytes.length })
      .end(bytes);
  };
  if (what === "tree") {
    ok([...repo.files].map(([file, data]) => `${String(data.length)}\t${file}\n`).join(""));
    return;
  }
  if (method === "GET") {
    const data = repo.files.get(path);
    if (data === undefined) throw new Refusal(404, "NOT_FOUND", path);
    ok(data);
    return;
  }
  need(caller, "write");
  if (method === "PUT") repo.files.set(path, body);
  else if (!repo.files.delete(path)) throw new Refusal(404, "NOT_FOUND", path);
  ok("");
}

function describeRepo(repo: StoredRepo): unknown {
  const { id, org, name, created_at, files } = repo;
  return {
    id,
    org,
    name,
    default_bookmark: "main",
    head_change_id: files.size === 0 ? "z".repeat(32) : id.slice(-32).padStart(32, "k"),
    upstream: null,
    created_at,
    tags: {},
  };
}

function rest(
  tools: WorldTools,
  state: MesaState,
  caller: Caller,
  method: string,
  url: URL,
  body: Buffer,
  response: ServerResponse,
): void {
  const [, version, org = "", name, what] = url.pathname.split("/");
  if (version !== "v1") throw new Refusal(404, "NOT_FOUND", "no such route");
  const json = (): Record<string, unknown> => {
    try {
      return body.length === 0 ? {} : (JSON.parse(body.toString("utf8")) as Record<string, unknown>);
    } catch {
      throw new Refusal(400, "BAD_REQUEST", "The body is not JSON");
    }
  };
  if (org === "whoami") {
    answerJson(response, 200, {
      org: { id: "org_acme", slug: MESA_ORG, name: "Acme" },
      key_id: caller.key?.id ?? null,
      key_name: caller.key?.name ?? null,
      scopes: caller.scopes,
    });
    return;
  }
  if (org !== MESA_ORG) throw new Refusal(404, "NOT_FOUND", `organization '${org}' not found`);
  if (name === "api-keys") {
    apiKeys(tools, state, caller, method, what, json, response);
    return;
  }
  if (name === "repos") {
    if (method === "POST") {
      need(caller, "write");
      const wanted = json()["name"];
      if (typeof wanted !== "string" || !/^[a-z0-9][a-z0-9._-]*$/iu.test(wanted))
        throw new Refusal(400, "BAD_REQUEST", "name is not valid");
      if (state.repos.some((repo) => repo.org === org && repo.name === wanted))
        throw new Refusal(409, "CONFLICT", `repo '${org}/${wanted}' already exists`);
      const repo = {
        id: newId("repo"),
        org,
        name: wanted,
        created_at: new Date().toISOString(),
        files: new Map<string, Buffer>(),
      };
      state.repos.push(repo);
      answerJson(response, 201, describeRepo(repo));
      return;
    }
    need(caller, "read");
    answerJson(response, 200, {
      next_cursor: null,
      has_more: false,
      repos: state.repos.filter((repo) => repo.org === org && caller.allows(repo)).map(describeRepo),
    });
    return;
  }
  need(caller, "read");
  const repo = repoOf(tools, state, caller, org, name ?? "");
  if (what === "content") {
    readContent(repo, url, response);
    return;
  }
  if (what === "changes" && method === "POST") {
    need(caller, "write");
    for (const file of (json()["files"] ?? []) as { path: string; content: string }[])
      repo.files.set(file.path, Buffer.from(file.content, "base64"));
    answerJson(response, 201, { id: newId("change"), change_id: newId("c") });
    return;
  }
  if (method === "DELETE") {
    need(caller, "admin");
    state.repos = state.repos.filter((other) => other !== repo);
    answerJson(response, 200, { success: true });
    return;
  }
  answerJson(response, 200, describeRepo(repo));
}

function readContent(repo: StoredRepo, url: URL, response: ServerResponse): void {
  const path = (url.searchParams.get("path") ?? "").replace(/^\/+/u, "");
  const data = repo.files.get(path);
  if (data !== undefined) {
    answerJson(response, 200, {
      type: "file",
      name: path.split("/").at(-1),
      path,
      sha: "0".repeat(40),
      size: data.length,
      encoding: "base64",
      content: data.toString("base64"),
    });
    return;
  }
  const inside = [...repo.files.keys()].filter((file) => path === "" || file.startsWith(`${path}/`));
  if (inside.length === 0 && path !== "") throw new Refusal(404, "NOT_FOUND", `path '${path}' not found`);
  answerJson(response, 200, {
    type: "dir",
    name: path,
    path,
    entries: inside.map((file) => ({
      type: "file",
      name: file.split("/").at(-1),
      path: file,
      size: repo.files.get(file)?.length,
    })),
    child_count: inside.length,
    next_cursor: null,
    has_more: false,
  });
}

function apiKeys(
  tools: WorldTools,
  state: MesaState,
  caller: Caller,
  method: string,
  id: string | undefined,
  json: () => Record<string, unknown>,
  response: ServerResponse,
): void {
  need(caller, "admin");
  if (method === "POST") {
    const { name, scopes, expires_in_seconds: seconds, repo_ids, tags } = json();
    if (seconds !== undefined && (typeof seconds !== "number" || seconds < 100 || seconds > 31_536_000)) {
      throw new Refusal(400, "BAD_REQUEST", "expires_in_seconds must be between 100 and 31536000");
    }
    const short = tools.faults.take("mesa-key-expires");
    const life = short === undefined ? seconds : typeof short["seconds"] === "number" ? short["seconds"] : 1;
    const key: StoredKey = {
      id: newId("key"),
      name: typeof name === "string" ? name : "",
      key: `mesa_${newId("k")}`,
      scopes: Array.isArray(scopes) ? (scopes as string[]) : ["read"],
      repo_ids: Array.isArray(repo_ids) ? (repo_ids as string[]) : null,
      tags: (tags ?? {}) as Record<string, string>,
      created_at: new Date().toISOString(),
      expires_at: typeof life === "number" ? new Date(Date.now() + life * 1000).toISOString() : null,
      revoked_at: null,
    };
    state.keys.push(key);
    answerJson(response, 201, {
      id: key.id,
      key: key.key,
      name: key.name,
      scopes: key.scopes,
      repo_ids: key.repo_ids ?? [],
      tags: key.tags,
      created_at: key.created_at,
    });
    return;
  }
  if (method === "DELETE") {
    const found = state.keys.find((key) => key.id === id);
    if (tools.faults.take("mesa-revoke-fails") !== undefined)
      throw new Refusal(500, "INTERNAL", "could not revoke");
    if (found === undefined) throw new Refusal(404, "NOT_FOUND", "api key not found");
    found.revoked_at ??= new Date().toISOString();
    answerJson(response, 200, { success: true });
    return;
  }
  answerJson(response, 200, {
    next_cursor: null,
    has_more: false,
    api_keys: state.keys.map(
      ({ id: keyId, name, scopes, repo_ids, tags, expires_at, revoked_at, created_at }) => ({
        id: keyId,
        name,
        scopes,
        repo_ids: repo_ids ?? [],
        metadata: {},
        tags,
        last_used_at: null,
        expires_at,
        revoked_at,
        created_at,
      }),
    ),
  });
}
