import { isIP } from "node:net";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { timeLimit } from "../support/time-limit";

export interface MesaAccess {
  /** Base address with /v1, no trailing slash. */
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly org: string;
}

export type Scope = "read" | "write" | "admin";

export interface MesaKey {
  readonly id: string;
  readonly key: string;
}

export interface MesaRepo {
  readonly id: string;
  readonly org: string;
  readonly name: string;
}

const DEFAULT_API = "https://api.mesa.dev";

function isPrivateHost(host: string): boolean {
  if (host === "localhost") return true;
  return isIP(host) === 4 && /^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/u.test(host);
}

/** The API's address from MESA_API_URL, with /v1. Plain http is taken only on the loopback and private networks. @throws Failure MESA_API_URL (exit 2) */
export function mesaApiUrl(env: Readonly<Record<string, string | undefined>>): string {
  const text = env["MESA_API_URL"] ?? "";
  const url = new URL(text === "" ? DEFAULT_API : text);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isPrivateHost(url.hostname))) {
    throw new Failure({
      code: "MESA_API_URL",
      kind: "usage",
      message: `MESA_API_URL is ${text}: keys are not sent over plain http to a public address.`,
      hint: "Use https.",
    });
  }
  return `${url.origin}${url.pathname.replace(/\/(v1\/?)?$/u, "")}/v1`;
}

/** How to reach Mesa, when the environment says so (MESA_API_KEY and MESA_ORG). */
export function mesaAccess(env: Readonly<Record<string, string | undefined>>): MesaAccess | undefined {
  const { MESA_API_KEY: apiKey, MESA_ORG: org } = env;
  if (apiKey === undefined || apiKey === "" || org === undefined || org === "") return undefined;
  return { apiUrl: mesaApiUrl(env), apiKey, org };
}

/** What Mesa's REST API is asked for; plain requests work with every release of its SDK. */
export interface MesaApi {
  whoami(): Promise<{ readonly org: string; readonly scopes: readonly string[] }>;
  createKey(request: {
    readonly name: string;
    readonly scopes: readonly Scope[];
    readonly seconds: number;
    readonly repoIds?: readonly string[];
  }): Promise<MesaKey>;
  listKeys(): Promise<readonly { readonly id: string; readonly name: string; readonly revoked: boolean }[]>;
  revokeKey(id: string): Promise<void>;
  getRepo(name: string): Promise<MesaRepo | undefined>;
  createRepo(name: string): Promise<MesaRepo>;
  deleteRepo(name: string): Promise<void>;
  readContent(repo: string, path: string): Promise<string | undefined>;
}

const WORDS: Readonly<Record<number, { readonly code: string; readonly hint: string }>> = {
  401: { code: "MESA_UNAUTHORIZED", hint: "The key is not valid (any more): check MESA_API_KEY." },
  403: {
    code: "MESA_FORBIDDEN",
    hint: "The key lacks the right: making keys for sandboxes needs an admin key.",
  },
  404: { code: "MESA_NOT_FOUND", hint: "Check MESA_ORG and the repository's name." },
};

/** A client for the API. Errors carry the API's own words. */
export function mesaApi(host: Host, access: MesaAccess): MesaApi {
  host.redact.add(access.apiKey);
  const call = async (
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly json: unknown }> => {
    let response: Response;
    try {
      response = await host.fetch(`${access.apiUrl}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${access.apiKey}`,
          "Content-Type": "application/json",
          "User-Agent": "mesa-template",
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: timeLimit(30_000, host.signal),
      });
    } catch (error) {
      host.signal.throwIfAborted();
      throw new Failure({
        code: "MESA_UNREACHABLE",
        kind: "environment",
        message: `Mesa's API at ${access.apiUrl} cannot be reached: ${messageOf(error)}`,
        hint: "Check the network and MESA_API_URL.",
        cause: error,
      });
    }
    const text = await response.text();
    try {
      return { status: response.status, json: text === "" ? {} : JSON.parse(text) };
    } catch {
      return { status: response.status, json: { error: { code: "NOT_JSON", message: text.slice(0, 200) } } };
    }
  };
  const ok = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const { status, json } = await call(method, path, body);
    if (status < 400) return json;
    const { code, message } =
      (json as { readonly error?: { readonly code?: string; readonly message?: string } }).error ?? {};
    const known = WORDS[status];
    throw new Failure({
      code: known?.code ?? "MESA_REFUSED",
      kind: "environment",
      message:
        `Mesa's API said ${String(status)} to ${method} ${path}: ${code ?? ""} ${message ?? ""}`.trim(),
      hint: known?.hint ?? "Try again in a moment; if it stays so, it is on Mesa's side.",
    });
  };
  const org = encodeURIComponent(access.org);
  return {
    async whoami() {
      const answer = (await ok("GET", "/whoami")) as {
        readonly org: { readonly slug: string };
        readonly scopes: readonly string[];
      };
      return { org: answer.org.slug, scopes: answer.scopes };
    },
    async createKey({ name, scopes, seconds, repoIds }) {
      const key = (await ok("POST", `/${org}/api-keys`, {
        name,
        scopes,
        expires_in_seconds: Math.min(31_536_000, Math.max(100, Math.ceil(seconds))),
        ...(repoIds === undefined ? {} : { repo_ids: repoIds }),
      })) as MesaKey;
      host.redact.add(key.key);
      return { id: key.id, key: key.key };
    },
    async listKeys() {
      const found: { id: string; name: string; revoked: boolean }[] = [];
      let cursor: string | null = null;
      do {
        const page = (await ok(
          "GET",
          `/${org}/api-keys${cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`}`,
        )) as {
          readonly next_cursor: string | null;
          readonly api_keys: readonly {
            readonly id: string;
            readonly name: string;
            readonly revoked_at: string | null;
          }[];
        };
        found.push(
          ...page.api_keys.map((key) => ({ id: key.id, name: key.name, revoked: key.revoked_at !== null })),
        );
        cursor = page.next_cursor;
      } while (cursor !== null);
      return found;
    },
    async revokeKey(id) {
      await ok("DELETE", `/${org}/api-keys/${encodeURIComponent(id)}`);
    },
    async getRepo(name) {
      const { status, json } = await call("GET", `/${org}/${encodeURIComponent(name)}`);
      if (status === 404) return undefined;
      if (status >= 400) await ok("GET", `/${org}/${encodeURIComponent(name)}`);
      return json as MesaRepo;
    },
    async createRepo(name) {
      return (await ok("POST", `/${org}/repos`, { name })) as MesaRepo;
    },
    async deleteRepo(name) {
      await ok("DELETE", `/${org}/${encodeURIComponent(name)}`);
    },
    async readContent(repo, path) {
      const { status, json } = await call(
        "GET",
        `/${org}/${encodeURIComponent(repo)}/content?path=${encodeURIComponent(path)}`,
      );
      if (status === 404) return undefined;
      if (status >= 400)
        await ok("GET", `/${org}/${encodeURIComponent(repo)}/content?path=${encodeURIComponent(path)}`);
      const { content } = json as { readonly content?: string };
      return content === undefined ? undefined : Buffer.from(content, "base64").toString("utf8");
    },
  };
}
