import { answerJson } from "../part";
import { need } from "./callers";
import { jsonBody, pageOf, type Exchange } from "./exchange";
import { badRequest, notFound, Refusal } from "./refusal";
import { newId, type StoredRepo } from "./state";

/** The change before the first one: the head of an empty repository. */
const VIRTUAL_ROOT = "z".repeat(32);

function describe({ id, org, name, created_at, files, head }: StoredRepo): unknown {
  return {
    id,
    org,
    name,
    default_bookmark: "main",
    head_change_id: files.size === 0 && head === undefined ? VIRTUAL_ROOT : (head ?? "k".repeat(32)),
    upstream: null,
    created_at,
    tags: {},
  };
}

/** A repository the caller may see. @throws Refusal 404, which does not tell whether it is there */
export function repoOf({ state, caller, faults }: Exchange, org: string, name: string): StoredRepo {
  const found = state.repos.find((repo) => repo.org === org && repo.name === name);
  if (found === undefined || !caller.allows(found) || faults.take("mesa-repo-missing") !== undefined)
    throw notFound(`repo '${org}/${name}' not found`);
  return found;
}

/** POST and GET /v1/{org}/repos */
export function answerRepos(exchange: Exchange, org: string): void {
  const { state, caller, method, url, body, response } = exchange;
  if (method === "POST") {
    need(caller, "write");
    const { name } = jsonBody(body);
    if (typeof name !== "string" || !/^[a-z0-9][a-z0-9._-]*$/iu.test(name))
      throw badRequest("name is not valid");
    if (state.repos.some((repo) => repo.org === org && repo.name === name))
      throw new Refusal(409, "CONFLICT", `repo '${org}/${name}' already exists`);
    const repo: StoredRepo = {
      id: newId("repo"),
      org,
      name,
      created_at: new Date().toISOString(),
      files: new Map(),
      head: undefined,
    };
    state.repos.push(repo);
    answerJson(response, 201, describe(repo));
    return;
  }
  need(caller, "read");
  const { items, ...page } = pageOf(
    url,
    state.repos.filter((repo) => repo.org === org && caller.allows(repo)),
  );
  answerJson(response, 200, { ...page, repos: items.map(describe) });
}

/** GET and DELETE /v1/{org}/{repo} */
export function answerRepo({ state, caller, method, response }: Exchange, repo: StoredRepo): void {
  if (method === "DELETE") {
    need(caller, "admin");
    state.repos = state.repos.filter((other) => other !== repo);
    answerJson(response, 200, { success: true });
    return;
  }
  answerJson(response, 200, describe(repo));
}

/** POST /v1/{org}/{repo}/changes: upserts and deletes of files, all or none. @throws Refusal 400 */
export function answerChange({ caller, body, response }: Exchange, repo: StoredRepo): void {
  need(caller, "write", repo);
  const { files, message, author, base_change_id } = jsonBody(body);
  if (!Array.isArray(files)) throw badRequest("files is missing");
  const edits = (files as { path?: unknown; content?: unknown; action?: unknown }[]).map((file) => {
    if (typeof file.path !== "string" || file.path === "") throw badRequest("a file has no path");
    if (file.action === "delete") return { path: file.path, data: undefined };
    if (typeof file.content !== "string") throw badRequest(`${file.path} has no content`);
    return { path: file.path, data: Buffer.from(file.content, "base64") };
  });
  for (const { path, data } of edits) {
    if (data === undefined) repo.files.delete(path);
    else repo.files.set(path, data);
  }
  repo.head = newId("").slice(1).padEnd(32, "k").slice(0, 32);
  const created_at = new Date().toISOString();
  const authors = author === undefined ? (caller.authors ?? []) : [author];
  const signature = { ...(authors[0] ?? {}), date: created_at };
  answerJson(response, 201, {
    id: repo.head,
    current_commit_oid: newId("").slice(1).padEnd(40, "0"),
    is_conflicted: false,
    message: message ?? "",
    author: signature,
    authors,
    authored_at: created_at,
    committer: signature,
    parents: [base_change_id],
    created_at,
    updated_at: created_at,
  });
}
