import { answerJson } from "../part";
import { need } from "./callers";
import { jsonBody, pageOf, type Exchange } from "./exchange";
import { badRequest, notFound, Refusal } from "./refusal";
import { isScope, newId, type StoredKey } from "./state";

/** POST, GET and DELETE /v1/{org}/api-keys[/{id}]: only with an admin credential. */
export function answerApiKeys(exchange: Exchange, id: string | undefined): void {
  need(exchange.caller, "admin");
  if (exchange.method === "POST") create(exchange);
  else if (exchange.method === "DELETE") revoke(exchange, id);
  else list(exchange);
}

/** The answer to making a key holds the key itself, once, and no expiry. */
function create({ faults, state, body, response }: Exchange): void {
  const { name, scopes = ["read"], expires_in_seconds: seconds, repo_ids = null, tags } = jsonBody(body);
  if (typeof name !== "string" || name === "") throw badRequest("name is missing");
  if (!Array.isArray(scopes) || !scopes.every(isScope))
    throw badRequest("scopes: expected read, write, admin");
  if (seconds !== undefined && !isLifetime(seconds))
    throw badRequest("expires_in_seconds must be an integer between 100 and 31536000");
  const known = new Set<unknown>(state.repos.map((repo) => repo.id));
  if (repo_ids !== null && !(Array.isArray(repo_ids) && repo_ids.every((repo) => known.has(repo))))
    throw badRequest("repo_ids: no such repository");
  const cut = faults.take("mesa-key-expires");
  const life = cut === undefined ? seconds : typeof cut["seconds"] === "number" ? cut["seconds"] : 1;
  const key: StoredKey = {
    id: newId("key"),
    name,
    key: newId("mesa"),
    scopes,
    repo_ids: repo_ids as readonly string[] | null,
    tags: (tags ?? {}) as Readonly<Record<string, string>>,
    created_at: new Date().toISOString(),
    expires_at: life === undefined ? null : new Date(Date.now() + life * 1000).toISOString(),
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
}

function isLifetime(seconds: unknown): seconds is number {
  return Number.isInteger(seconds) && (seconds as number) >= 100 && (seconds as number) <= 31_536_000;
}

function revoke({ faults, state, response }: Exchange, id: string | undefined): void {
  if (faults.take("mesa-revoke-fails") !== undefined)
    throw new Refusal(500, "INTERNAL", "could not revoke the api key");
  const found = state.keys.find((key) => key.id === id);
  if (found === undefined) throw notFound("api key not found");
  found.revoked_at ??= new Date().toISOString();
  answerJson(response, 200, { success: true });
}

function list({ state, url, response }: Exchange): void {
  const { items, ...page } = pageOf(url, state.keys);
  answerJson(response, 200, {
    ...page,
    api_keys: items.map(({ id, name, scopes, repo_ids, tags, expires_at, revoked_at, created_at }) => ({
      id,
      name,
      scopes,
      repo_ids: repo_ids ?? [],
      metadata: {},
      tags,
      last_used_at: null,
      expires_at,
      revoked_at,
      created_at,
    })),
  });
}
