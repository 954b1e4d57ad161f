import { answerJson } from "../part";
import { need } from "./callers";
import { jsonBody, pageOf, type Exchange } from "./exchange";
import { badRequest, notFound, Refusal } from "./refusal";
import { addChange, filesOf, MAIN, newId, type Files, type StoredRepo } from "./state";

const NAME = /^[A-Za-z0-9_][A-Za-z0-9._/-]*$/u;

/** /v1/{org}/{repo}/bookmarks, …/bookmarks/{name} and …/bookmarks/merge. @throws Refusal 400, 403, 404, 409 */
export function answerBookmarks(exchange: Exchange, repo: StoredRepo, name: string | undefined): void {
  const { caller, method, url, body, response } = exchange;
  const { bookmarks } = repo;
  const shown = (one: string): object => ({
    name: one,
    change_id: bookmarks.get(one),
    is_default: one === MAIN,
  });
  const change = (): string => {
    const { change_id } = jsonBody(body);
    if (typeof change_id !== "string") throw badRequest("change_id is missing");
    if (filesOf(repo, change_id) === undefined) throw notFound(`change '${change_id}' not found`);
    return change_id;
  };
  if (method !== "GET") need(caller, "write", repo);
  if (name === undefined && method === "GET") {
    const { items, ...page } = pageOf(url, [...bookmarks.keys()].sort());
    answerJson(response, 200, { ...page, bookmarks: items.map(shown) });
  } else if (name === undefined) {
    const { name: wanted } = jsonBody(body);
    if (typeof wanted !== "string" || !NAME.test(wanted)) throw badRequest("name is not valid");
    if (bookmarks.has(wanted)) throw new Refusal(409, "CONFLICT", `bookmark '${wanted}' already exists`);
    bookmarks.set(wanted, change());
    answerJson(response, 201, shown(wanted));
  } else if (name === "merge" && method === "POST") answerJson(response, 200, merged(repo, jsonBody(body)));
  else if (!bookmarks.has(name)) throw notFound(`bookmark '${name}' not found`);
  else if (method === "DELETE") {
    if (name === MAIN) throw badRequest("the default bookmark cannot be deleted");
    bookmarks.delete(name);
    answerJson(response, 200, { success: true });
  } else {
    if (method === "PATCH") bookmarks.set(name, change());
    answerJson(response, 200, shown(name));
  }
}

function ancestors({ changes }: StoredRepo, id: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const left = [id]; left.length > 0;) {
    const next = left.pop() ?? "";
    if (found.has(next)) continue;
    found.add(next);
    left.push(...(changes.get(next)?.parents ?? []));
  }
  return found;
}

/** Merges by whole files: what both sides changed since they parted is a conflict. */
function merged(repo: StoredRepo, request: Readonly<Record<string, unknown>>): object {
  const { target, source, delete_source = false } = request;
  const [to, from] = [target, source].map((name) => {
    const id = typeof name === "string" ? repo.bookmarks.get(name) : undefined;
    if (id === undefined) throw notFound(`bookmark '${String(name)}' not found`);
    return id;
  }) as [string, string];
  const known = ancestors(repo, to);
  let first = from;
  let base: Files = new Map();
  for (; !known.has(first); first = repo.changes.get(first)?.parents[0] ?? to)
    base = repo.changes.get(first)?.base ?? base;
  const isKnown = known.has(from);
  if (!isKnown) {
    const ours = filesOf(repo, to) ?? new Map<string, Buffer>();
    const theirs = filesOf(repo, from) ?? new Map<string, Buffer>();
    const files = new Map(ours);
    for (const path of new Set([...base.keys(), ...theirs.keys()])) {
      const [was, now, here] = [base, theirs, ours].map((all) => all.get(path)?.toString("base64"));
      if (was === now || now === here) continue;
      if (was !== here) throw new Refusal(409, "MERGE_CONFLICT", `'${path}' was changed on both sides`);
      const data = theirs.get(path);
      if (data === undefined) files.delete(path);
      else files.set(path, data);
    }
    repo.bookmarks.set(String(target), addChange(repo, [to, from], files));
  }
  const deletes = delete_source === true && source !== MAIN;
  if (deletes) repo.bookmarks.delete(String(source));
  return {
    merge_type: isKnown ? "no_op" : "merge_commit",
    is_conflicted: false,
    commit_oid: newId("").slice(1).padEnd(40, "0"),
    change_id: repo.bookmarks.get(String(target)),
    target,
    source,
    source_deleted: deletes,
  };
}
