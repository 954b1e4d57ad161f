import type { IncomingMessage, ServerResponse } from "node:http";
import type { FaultBoard } from "../faults";
import { answerJson, bodyOf, cutOff, listenEverywhere, type WorldPart, type WorldTools } from "../part";
import { answerApiKeys } from "./api-keys";
import { identify, need } from "./callers";
import { answerBookmarks } from "./bookmarks";
import { answerContent } from "./content";
import type { Exchange } from "./exchange";
import { notFound, Refusal } from "./refusal";
import { answerChange, answerRepo, answerRepos, repoOf } from "./repositories";
import { filesOf, freshState, MAIN, ORGANIZATIONS, type MesaState } from "./state";
import { answerVcs } from "./vcs";

export interface MesaApiPart extends WorldPart {
  /** {keys:[{id,name,key,scopes,expires_at,revoked_at}],repos:[{org,name,files:{path:text},bookmarks:{name:{path:text}}}]}; files are main's */
  state(): unknown;
}

type Tools = Pick<WorldTools, "config" | "faults" | "requests" | "connections">;

/** Mesa's REST API under /v1 and the content side under /vcs, on one port. */
export async function startMesaApi(tools: Tools): Promise<MesaApiPart> {
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
    state: () => show(state),
  };
}

function show(state: MesaState): unknown {
  return {
    keys: state.keys.map(({ id, name, key, scopes, expires_at, revoked_at }) => ({
      id,
      name,
      key,
      scopes,
      expires_at,
      revoked_at,
    })),
    repos: state.repos.map((repo) => {
      const bookmarks = Object.fromEntries(
        [...repo.bookmarks].map(([name, id]) => {
          const files = [...(filesOf(repo, id) ?? [])];
          return [name, Object.fromEntries(files.map(([path, data]) => [path, data.toString("utf8")]))];
        }),
      );
      return { org: repo.org, name: repo.name, files: bookmarks[MAIN], bookmarks };
    }),
  };
}

/** What a mount is to do wrong, a line a fault: "mount-dies 500". Each mount that asks is an occasion. */
function mountFaults(faults: FaultBoard): string {
  return (
    [
      "mount-lies",
      "mount-not-empty",
      "mount-dies",
      "mount-slow",
      "mount-read-only",
      "mount-writes-late",
    ] as const
  )
    .flatMap((name) => {
      const args = faults.take(name);
      if (args === undefined) return [];
      return [typeof args["ms"] === "number" ? `${name} ${String(args["ms"])}\n` : `${name}\n`];
    })
    .join("");
}

async function handle(
  { faults, requests, connections }: Tools,
  state: MesaState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://world");
  const method = request.method ?? "GET";
  if (url.pathname.startsWith("/_world/")) {
    response
      .writeHead(200, { "Content-Type": "text/plain" })
      .end(`${mountFaults(faults)}number ${String(connections.cuts)}\n`);
    return;
  }
  const mount = Number(request.headers["x-world-mount"] ?? "-1");
  if (mount >= 0 && mount < connections.cuts) {
    if (!connections.hang) cutOff(request);
    return;
  }
  response.on("finish", () => {
    requests.add({ to: "mesa", method, path: url.pathname, status: response.statusCode });
  });
  const isContent = url.pathname.startsWith("/vcs/");
  if (faults.take(isContent ? "mesa-grpc-down" : "mesa-api-down") !== undefined) {
    requests.add({ to: "mesa", method, path: url.pathname, status: 0 });
    cutOff(request);
    return;
  }
  try {
    const body = await bodyOf(request);
    const caller = identify(faults, state, request.headers);
    const exchange = { faults, state, caller, method, url, body, response };
    if (isContent) answerVcs(exchange);
    else answerRest(exchange);
  } catch (error) {
    if (error instanceof Refusal)
      answerJson(response, error.status, { error: { code: error.code, message: error.message } });
    else answerJson(response, 500, { error: { code: "INTERNAL", message: String(error) } });
  }
}

function answerRest(exchange: Exchange): void {
  const { caller, method, url, response } = exchange;
  const [, version, org = "", name = "", what, which] = url.pathname.split("/").map(decodeURIComponent);
  if (version !== "v1") throw notFound("no such route");
  if (org === "whoami") {
    answerJson(response, 200, {
      org: { id: `org_${caller.org}`, slug: caller.org, name: caller.org },
      key_id: caller.key?.id ?? null,
      key_name: caller.key?.name ?? null,
      scopes: caller.scopes,
    });
    return;
  }
  if (org !== caller.org) throw notFound(`organization '${org}' not found`);
  if (name === "api-keys" && ORGANIZATIONS[org]?.apiKeys === true) answerApiKeys(exchange, what);
  else if (name === "repos" && what === undefined) answerRepos(exchange, org);
  else {
    need(caller, "read");
    const repo = repoOf(exchange, org, name);
    if (what === undefined) answerRepo(exchange, repo);
    else if (what === "content" && method === "GET") answerContent(exchange, repo);
    else if (what === "changes" && method === "POST") answerChange(exchange, repo);
    else if (what === "bookmarks") answerBookmarks(exchange, repo, which);
    else throw notFound("no such route");
  }
}
