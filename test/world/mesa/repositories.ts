import { answerJson } from "../part";
import { need } from "./callers";
import { jsonBody, pageOf, type Exchange } from "./exchange";
import { badRequest, notFound, Refusal } from "./refusal";
import { addChange, filesOf, MAIN, newId, newRepo, type StoredRepo } from "./state";

function describe({ id, org, name, created_at, bookmarks }: StoredRepo): unknown {
  return {
    id,
    org,
    name,
    default_bookmark: MAIN,
    head_change_id: bookmarks.get(MAIN),
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
    const repo = newRepo(org, name);
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

/**
 * POST /v1/{org}/{repo}/changes: a change on top of another one, with upserts and deletes of files, all or none. No bookmark moves;
 * except that main follows a change with files on its tip, for who seeds a repository by one.
 * @throws Refusal 400, 404
 */
export function answerChange({ caller, body, response }: Exchange, repo: StoredRepo): void {
  need(caller, "write", repo);
  const { files = [], message, author, base_change_id } = jsonBody(body);
  if (!Array.isArray(files)) throw badRequest("files is not a list");
  if (typeof base_change_id !== "string") throw badRequest("base_change_id is missing");
  const base = filesOf(repo, base_change_id);
  if (base === undefined) throw notFound(`change '${base_change_id}' not found`);
  const edits = (files as { path?: unknown; content?: unknown; action?: unknown }[]).map((file) => {
    if (typeof file.path !== "string" || file.path === "") throw badRequest("a file has no path");
    if (file.action === "delete") return { path: file.path, data: undefined };
    if (typeof file.content !== "string") throw badRequest(`${file.path} has no content`);
    return { path: file.path, data: Buffer.from(file.content, "base64") };
  });
  const id = addChange(repo, [base_change_id], base);
  const made = filesOf(repo, id);
  for (const { path, data } of edits) {
    if (data === undefined) made?.delete(path);
    else made?.set(path, data);
  }
  if (edits.length > 0 && repo.bookmarks.get(MAIN) === base_change_id) repo.bookmarks.set(MAIN, id);
  const created_at = new Date().toISOString();
  const authors = author === undefined ? (caller.authors ?? []) : [author];
  const signature = { ...(authors[0] ?? {}), date: created_at };
  answerJson(response, 201, {
    id,
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
