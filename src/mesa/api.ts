import * as z from "zod/mini";
import { Failure, messageOf, unlessFailed } from "../support/errors";
import type { Host } from "../support/host";
import { timeLimit } from "../support/processes/time-limit";
import type { MesaAccess } from "./access";
import { signToken } from "./token";
import { parsedJson } from "../support/text/parsed-json";

type Scope = "read" | "write" | "admin";

const whoamiSchema = z.object({ org: z.object({ slug: z.string() }), scopes: z.array(z.string()) });
const keySchema = z.object({ id: z.string(), key: z.string() });
const repoSchema = z.object({ id: z.string(), org: z.string(), name: z.string() });
const bookmarkSchema = z.object({ change_id: z.string() });
const changeSchema = z.object({ id: z.string() });
const mergeSchema = z.object({ merge_type: z.string() });
/** How a list goes on: after its last page there is no next cursor, or an empty one, or it says that there is no more. */
const pageShape = { next_cursor: z.nullish(z.string()), has_more: z.nullish(z.boolean()) };
const keysSchema = z.object({
  ...pageShape,
  api_keys: z.array(z.object({ id: z.string(), name: z.string(), revoked_at: z.nullish(z.string()) })),
});
const reposSchema = z.object({ ...pageShape, repos: z.array(z.object({ name: z.string() })) });
/** An answer of which nothing is read. */
const NOTHING = z.unknown();
const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export type MesaKey = Readonly<z.infer<typeof keySchema>>;
export type MesaRepo = Readonly<z.infer<typeof repoSchema>>;

/** Time limit for one request, in ms. */
const LIMIT_MS = 30_000;
/** Validity of the token for one request, in seconds, as in Mesa's SDKs. */
const ADMIN_TOKEN_SECONDS = 900;

/** What a status says. */
const WORDS: Readonly<Record<number, { readonly code: string; readonly hint: string }>> = {
  401: {
    code: "MESA_UNAUTHORIZED",
    hint: "Mesa does not accept the credential: check MESA_API_KEY or MESA_PRIVATE_KEY, and this machine's clock.",
  },
  403: {
    code: "MESA_FORBIDDEN",
    hint: "The credential is not allowed to do this: an API key needs the scope admin to make keys for sandboxes.",
  },
  404: { code: "MESA_NOT_FOUND", hint: "Check MESA_ORG and the names of the repository and the bookmark." },
  409: {
    code: "MESA_CONFLICT",
    hint: "Nothing was changed. If both bookmarks changed the same lines, make them agree in a session on the source (--mount REPO:rw@BOOKMARK) and merge again.",
  },
};

/** Mesa has no API keys from 0.48 on. An organization without any answers 404 to all requests about them. */
const NO_API_KEYS =
  "Check MESA_ORG. An organization without API keys needs MESA_PRIVATE_KEY (mesa_private_key_…), which Mesa 0.43 and newer take.";

/** The failure for a status and the API's message. `what` is the request, e.g. "make a key"; `path` its path. */
function refusal(status: number, what: string, words: string, path: string): Failure {
  const known = WORDS[status];
  return new Failure({
    code: known?.code ?? "MESA_REFUSED",
    kind: "environment",
    message: `Mesa's API answered ${String(status)} when asked to ${what}: ${words}`,
    hint:
      status === 404 && path.endsWith("/api-keys")
        ? NO_API_KEYS
        : (known?.hint ?? "Try again in a moment; if it persists, the cause is on Mesa's side."),
  });
}

/** The API's message in a refusal. */
function wordsOf(text: string): string {
  const { data } = errorSchema.safeParse(parsedJson(text));
  return (data === undefined ? text : `${data.error.code}: ${data.error.message}`).slice(0, 300);
}

export type MesaApi = ReturnType<typeof mesaApi>;

/**
 * Mesa's REST API; its paths are the same for all versions. A private key signs a new token for every request. Every call throws Failure
 * MESA_UNREACHABLE, MESA_UNAUTHORIZED, MESA_FORBIDDEN, MESA_NOT_FOUND, MESA_REFUSED or MESA_ANSWER (exit 3).
 */
export function mesaApi(host: Host, { apiUrl, org, credential }: MesaAccess) {
  if (credential.kind === "api-key") host.redact.add(credential.apiKey);
  const bearer = (): string => {
    if (credential.kind === "api-key") return credential.apiKey;
    const lifetime = { seconds: ADMIN_TOKEN_SECONDS, nowMs: host.clock.now() };
    const token = signToken(credential.privateKey, { admin: true }, lifetime);
    host.redact.add(token);
    return token;
  };
  const answer = async (method: string, path: string, body: unknown): Promise<Response> =>
    host.fetch(`${apiUrl}/${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${bearer()}`,
        "User-Agent": "mesa-template",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: timeLimit(LIMIT_MS, host.signal),
    });
  /** `what`: what it is asked to do, for messages. */
  const ask = async <Schema extends z.ZodMiniType>(
    what: string,
    method: string,
    path: string,
    schema: Schema,
    body?: unknown,
  ): Promise<z.infer<Schema>> => {
    let [response, text]: [Response | undefined, string] = [undefined, ""];
    try {
      response = await answer(method, path, body);
      text = await response.text();
    } catch (error) {
      host.signal.throwIfAborted();
      throw new Failure({
        code: "MESA_UNREACHABLE",
        kind: "environment",
        message: `Mesa's API at ${apiUrl} cannot be reached: ${messageOf(error)}`,
        hint: "Check the network and MESA_API_URL.",
        cause: error,
      });
    }
    if (!response.ok) throw refusal(response.status, what, wordsOf(text), path.split("?")[0] ?? path);
    const found = schema.safeParse(parsedJson(text));
    if (found.success) return found.data;
    throw new Failure({
      code: "MESA_ANSWER",
      kind: "environment",
      message: `Mesa's API gave an unexpected response when asked to ${what}: ${found.error.issues[0]?.message ?? ""}`,
      hint: "Check that MESA_API_URL is Mesa's API; a proxy may have answered instead.",
    });
  };
  const here = (...parts: readonly string[]): string => [org, ...parts].map(encodeURIComponent).join("/");
  const pages = async <Page extends z.infer<z.ZodMiniObject<typeof pageShape>>>(
    what: string,
    list: string,
    schema: z.ZodMiniType<Page>,
  ): Promise<readonly Page[]> => {
    const found: Page[] = [];
    // A cursor that was followed before would lead around forever.
    const followed = new Set<string>();
    let cursor = "";
    do {
      followed.add(cursor);
      const query = cursor === "" ? "" : `?cursor=${encodeURIComponent(cursor)}`;
      const page = await ask(what, "GET", `${here(list)}${query}`, schema);
      found.push(page);
      cursor = page.has_more === false ? "" : (page.next_cursor ?? "");
    } while (!followed.has(cursor));
    return found;
  };
  return {
    async whoami(): Promise<{ readonly org: string; readonly scopes: readonly string[] }> {
      const { org: mine, scopes } = await ask("say who it speaks with", "GET", "whoami", whoamiSchema);
      return { org: mine.slug, scopes };
    },
    async createKey(request: {
      readonly name: string;
      readonly scopes: readonly Scope[];
      /** Its validity, 100 to 31536000. */
      readonly seconds: number;
      readonly repoIds: readonly string[];
    }): Promise<MesaKey> {
      const { name, scopes, seconds, repoIds } = request;
      const body = { name, scopes, expires_in_seconds: Math.ceil(seconds), repo_ids: repoIds };
      const key = await ask(`make the key ${name}`, "POST", here("api-keys"), keySchema, body);
      host.redact.add(key.key);
      return key;
    },
    async listKeys(): Promise<
      readonly { readonly id: string; readonly name: string; readonly revoked: boolean }[]
    > {
      const listed = await pages("list keys", "api-keys", keysSchema);
      return listed.flatMap(({ api_keys: keys }) =>
        keys.map(({ id, name, revoked_at: revokedAt }) => ({ id, name, revoked: revokedAt != null })),
      );
    },
    /** The names of all repositories. */
    async listRepos(): Promise<readonly string[]> {
      const listed = await pages("list repositories", "repos", reposSchema);
      return listed.flatMap(({ repos }) => repos.map(({ name }) => name));
    },
    async revokeKey(id: string): Promise<void> {
      await ask(`revoke the key ${id}`, "DELETE", here("api-keys", id), NOTHING);
    },
    getRepo: (name: string): Promise<MesaRepo | undefined> =>
      unlessFailed(
        "MESA_NOT_FOUND",
        ask(`show the repository ${org}/${name}`, "GET", here(name), repoSchema),
      ),
    createRepo: (name: string): Promise<MesaRepo> =>
      ask(`make the repository ${org}/${name}`, "POST", here("repos"), repoSchema, { name }),
    /** One that no longer exists is fine. */
    async deleteRepo(name: string): Promise<void> {
      await unlessFailed(
        "MESA_NOT_FOUND",
        ask(`delete the repository ${org}/${name}`, "DELETE", here(name), NOTHING),
      );
    },
    /** The change that a bookmark points at; undefined: there is no such bookmark. */
    async changeOf(repo: string, bookmark: string): Promise<string | undefined> {
      const what = `show the bookmark ${bookmark} of ${org}/${repo}`;
      const asked = ask(what, "GET", here(repo, "bookmarks", bookmark), bookmarkSchema);
      return (await unlessFailed("MESA_NOT_FOUND", asked))?.change_id;
    },
    /** Makes an empty change on top of another one. @returns its id */
    async createChange(repo: string, base: string, message: string): Promise<string> {
      const body = { base_change_id: base, message, files: [] };
      const what = `make a change in ${org}/${repo}`;
      return (await ask(what, "POST", here(repo, "changes"), changeSchema, body)).id;
    },
    async createBookmark(repo: string, bookmark: string, changeId: string): Promise<void> {
      const body = { name: bookmark, change_id: changeId };
      const what = `make the bookmark ${bookmark} in ${org}/${repo}`;
      await ask(what, "POST", here(repo, "bookmarks"), NOTHING, body);
    },
    async deleteBookmark(repo: string, bookmark: string): Promise<void> {
      await ask(`delete the bookmark ${bookmark}`, "DELETE", here(repo, "bookmarks", bookmark), NOTHING);
    },
    /** Merges one bookmark into another; false: there was nothing to merge. @throws Failure MESA_CONFLICT too, and nothing is merged then */
    async merge(
      repo: string,
      request: { readonly source: string; readonly target: string; readonly deleteSource: boolean },
    ): Promise<boolean> {
      const { source, target, deleteSource } = request;
      const what = `merge ${source} into ${target} in ${org}/${repo}`;
      const body = { target, source, delete_source: deleteSource };
      const merged = await ask(what, "POST", here(repo, "bookmarks", "merge"), mergeSchema, body);
      return merged.merge_type !== "no_op";
    },
  };
}
