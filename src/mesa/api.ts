import * as z from "zod/mini";
import type { Host } from "../support/host";
import { timeLimit } from "../support/processes/time-limit";
import type { MesaAccess } from "./access";
import { notMesas, refusal, unreachable } from "./api-failure";
import { signToken } from "./token";
import { parsedJson } from "../support/text/parsed-json";

type Scope = "read" | "write" | "admin";

const whoamiSchema = z.object({ org: z.object({ slug: z.string() }), scopes: z.array(z.string()) });
const keySchema = z.object({ id: z.string(), key: z.string() });
const repoSchema = z.object({ id: z.string(), org: z.string(), name: z.string() });
const bookmarkSchema = z.object({ change_id: z.string() });
const changeSchema = z.object({ id: z.string() });
const mergeSchema = z.object({ merge_type: z.string() });
const keysSchema = z.object({
  next_cursor: z.nullish(z.string()),
  api_keys: z.array(z.object({ id: z.string(), name: z.string(), revoked_at: z.nullish(z.string()) })),
});
const reposSchema = z.object({
  next_cursor: z.nullish(z.string()),
  repos: z.array(z.object({ name: z.string() })),
});
const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export type MesaKey = Readonly<z.infer<typeof keySchema>>;
export type MesaRepo = Readonly<z.infer<typeof repoSchema>>;

/** Time limit for one request, in ms. */
const LIMIT_MS = 30_000;
/** Validity of the token for one request, in seconds, as in Mesa's SDKs. */
const ADMIN_TOKEN_SECONDS = 900;

/**
 * Mesa's API. Every call throws Failure MESA_UNREACHABLE, MESA_UNAUTHORIZED, MESA_FORBIDDEN, MESA_NOT_FOUND, MESA_REFUSED or MESA_ANSWER
 * (exit 3).
 */
export interface MesaApi {
  whoami(): Promise<{ readonly org: string; readonly scopes: readonly string[] }>;
  /** `seconds`: its validity, 100 to 31536000. */
  createKey(request: {
    readonly name: string;
    readonly scopes: readonly Scope[];
    readonly seconds: number;
    readonly repoIds: readonly string[];
  }): Promise<MesaKey>;
  listKeys(): Promise<readonly { readonly id: string; readonly name: string; readonly revoked: boolean }[]>;
  revokeKey(id: string): Promise<void>;
  /** The names of all repositories. */
  listRepos(): Promise<readonly string[]>;
  getRepo(name: string): Promise<MesaRepo | undefined>;
  createRepo(name: string): Promise<MesaRepo>;
  /** One that no longer exists is fine. */
  deleteRepo(name: string): Promise<void>;
  /** The change that a bookmark points at; undefined: there is no such bookmark. */
  changeOf(repo: string, bookmark: string): Promise<string | undefined>;
  /** Makes an empty change on top of another one. @returns its id */
  createChange(repo: string, base: string, message: string): Promise<string>;
  createBookmark(repo: string, bookmark: string, changeId: string): Promise<void>;
  deleteBookmark(repo: string, bookmark: string): Promise<void>;
  /** Merges one bookmark into another; false: there was nothing to merge. @throws Failure MESA_CONFLICT too, and nothing is merged then */
  merge(
    repo: string,
    request: { readonly source: string; readonly target: string; readonly deleteSource: boolean },
  ): Promise<boolean>;
}

function parsed<Schema extends z.ZodMiniType>(schema: Schema, text: string, what: string): z.infer<Schema> {
  const found = schema.safeParse(parsedJson(text));
  if (found.success) return found.data;
  throw notMesas(what, found.error.issues[0]?.message ?? "");
}

/** The API's message in a refusal. */
function wordsOf(text: string): string {
  const { data } = errorSchema.safeParse(parsedJson(text));
  return (data === undefined ? text : `${data.error.code}: ${data.error.message}`).slice(0, 300);
}

/** Mesa's REST API; its paths are the same for all versions. A private key signs a new token for every request. */
export function mesaApi(host: Host, { apiUrl, org, credential }: MesaAccess): MesaApi {
  if (credential.kind === "api-key") host.redact.add(credential.apiKey);
  const bearer = (): string => {
    if (credential.kind === "api-key") return credential.apiKey;
    const lifetime = { seconds: ADMIN_TOKEN_SECONDS, nowMs: host.clock.now() };
    const token = signToken(credential.privateKey, { admin: true }, lifetime);
    host.redact.add(token);
    return token;
  };
  const answer = async (
    method: string,
    path: string,
    body: unknown,
  ): Promise<{ readonly ok: boolean; readonly status: number; readonly text: string }> => {
    try {
      const response = await host.fetch(`${apiUrl}/${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${bearer()}`,
          "User-Agent": "mesa-template",
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: timeLimit(LIMIT_MS, host.signal),
      });
      return { ok: response.ok, status: response.status, text: await response.text() };
    } catch (error) {
      host.signal.throwIfAborted();
      throw unreachable(apiUrl, error);
    }
  };
  const ask = async (what: string, method: string, path: string, body?: unknown): Promise<string> => {
    const { ok, status, text } = await answer(method, path, body);
    if (!ok) throw refusal(status, what, wordsOf(text), path.split("?")[0] ?? path);
    return text;
  };
  /** What is at a path; undefined: there is nothing. */
  const find = async <Schema extends z.ZodMiniType>(
    what: string,
    schema: Schema,
    path: string,
  ): Promise<z.infer<Schema> | undefined> => {
    const { ok, status, text } = await answer("GET", path, undefined);
    if (status === 404) return undefined;
    if (!ok) throw refusal(status, what, wordsOf(text), path);
    return parsed(schema, text, what);
  };
  const here = (...parts: readonly string[]): string => [org, ...parts].map(encodeURIComponent).join("/");
  const pages = async <Page extends { readonly next_cursor?: string | null | undefined }>(
    what: string,
    list: string,
    schema: z.ZodMiniType<Page>,
  ): Promise<readonly Page[]> => {
    const found: Page[] = [];
    let query = "";
    do {
      const page = parsed(schema, await ask(what, "GET", `${here(list)}${query}`), what);
      found.push(page);
      query = page.next_cursor == null ? "" : `?cursor=${encodeURIComponent(page.next_cursor)}`;
    } while (query !== "");
    return found;
  };
  return {
    async whoami() {
      const what = "say who it speaks with";
      const { org: mine, scopes } = parsed(whoamiSchema, await ask(what, "GET", "whoami"), what);
      return { org: mine.slug, scopes };
    },
    async createKey({ name, scopes, seconds, repoIds }) {
      const what = `make the key ${name}`;
      const body = { name, scopes, expires_in_seconds: Math.ceil(seconds), repo_ids: repoIds };
      const key = parsed(keySchema, await ask(what, "POST", here("api-keys"), body), what);
      host.redact.add(key.key);
      return key;
    },
    async listKeys() {
      const listed = await pages("list keys", "api-keys", keysSchema);
      return listed.flatMap(({ api_keys: keys }) =>
        keys.map(({ id, name, revoked_at: revokedAt }) => ({ id, name, revoked: revokedAt != null })),
      );
    },
    async listRepos() {
      const listed = await pages("list repositories", "repos", reposSchema);
      return listed.flatMap(({ repos }) => repos.map(({ name }) => name));
    },
    async revokeKey(id) {
      await ask(`revoke the key ${id}`, "DELETE", here("api-keys", id));
    },
    getRepo: (name) => find(`show the repository ${org}/${name}`, repoSchema, here(name)),
    async createRepo(name) {
      const what = `make the repository ${org}/${name}`;
      return parsed(repoSchema, await ask(what, "POST", here("repos"), { name }), what);
    },
    async deleteRepo(name) {
      const { ok, status, text } = await answer("DELETE", here(name), undefined);
      if (!ok && status !== 404)
        throw refusal(status, `delete the repository ${org}/${name}`, wordsOf(text), here(name));
    },
    async changeOf(repo, bookmark) {
      const what = `show the bookmark ${bookmark} of ${org}/${repo}`;
      return (await find(what, bookmarkSchema, here(repo, "bookmarks", bookmark)))?.change_id;
    },
    async createChange(repo, base, message) {
      const what = `make a change in ${org}/${repo}`;
      const body = { base_change_id: base, message, files: [] };
      return parsed(changeSchema, await ask(what, "POST", here(repo, "changes"), body), what).id;
    },
    async createBookmark(repo, bookmark, changeId) {
      const body = { name: bookmark, change_id: changeId };
      await ask(`make the bookmark ${bookmark} in ${org}/${repo}`, "POST", here(repo, "bookmarks"), body);
    },
    async deleteBookmark(repo, bookmark) {
      await ask(`delete the bookmark ${bookmark}`, "DELETE", here(repo, "bookmarks", bookmark));
    },
    async merge(repo, { source, target, deleteSource }) {
      const what = `merge ${source} into ${target} in ${org}/${repo}`;
      const body = { target, source, delete_source: deleteSource };
      const text = await ask(what, "POST", here(repo, "bookmarks", "merge"), body);
      return parsed(mergeSchema, text, what).merge_type !== "no_op";
    },
  };
}
