import type { Mesa } from "@mesadev/sdk";
import * as z from "zod/mini";
import type { Host } from "../support/host";
import { timeLimit } from "../support/time-limit";
import type { MesaAccess } from "./access";
import { failureOf, notMesas, refusal, statusOf, unreachable } from "./api-failure";

export type Scope = "read" | "write" | "admin";

const whoamiSchema = z.object({ org: z.object({ slug: z.string() }), scopes: z.array(z.string()) });
const keySchema = z.object({ id: z.string(), key: z.string() });
const repoSchema = z.object({ id: z.string(), org: z.string(), name: z.string() });
const keysSchema = z.object({
  next_cursor: z.nullish(z.string()),
  api_keys: z.array(z.object({ id: z.string(), name: z.string(), revoked_at: z.nullish(z.string()) })),
});

export type MesaKey = Readonly<z.infer<typeof keySchema>>;
export type MesaRepo = Readonly<z.infer<typeof repoSchema>>;

/** How long one request may take, in ms. */
const LIMIT_MS = 30_000;

/** What Mesa is asked for. Every call throws Failure MESA_UNREACHABLE, MESA_UNAUTHORIZED, MESA_FORBIDDEN, MESA_NOT_FOUND, MESA_REFUSED or MESA_ANSWER (exit 3). */
export interface MesaApi {
  whoami(): Promise<{ readonly org: string; readonly scopes: readonly string[] }>;
  /** `seconds`: how long it holds, 100 to 31536000. */
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
}

function parsed<Schema extends z.ZodMiniType>(
  schema: Schema,
  answer: unknown,
  what: string,
): z.infer<Schema> {
  const found = schema.safeParse(answer);
  if (found.success) return found.data;
  throw notMesas(what, found.error.issues[0]?.message ?? "");
}

/** fetch with the run's signal and a limit, in which no answer is another failure than a refusal. */
function boundedFetch(host: Host, apiUrl: string): typeof fetch {
  return async (input, init) => {
    try {
      const signal = timeLimit(LIMIT_MS, host.signal);
      return await host.fetch(input, { ...init, signal });
    } catch (error) {
      host.signal.throwIfAborted();
      throw unreachable(apiUrl, error);
    }
  };
}

/**
 * Mesa through its official SDK. Its REST API is asked directly only for what the SDK's release (0.38) cannot do: its list of
 * keys takes no cursor, so it ends with the first page.
 */
export function mesaApi(host: Host, access: MesaAccess): MesaApi {
  const { apiKey, apiUrl, org } = access;
  host.redact.add(apiKey);
  const request = boundedFetch(host, apiUrl);
  let loading: Promise<Mesa> | undefined;
  const sdk = (): Promise<Mesa> =>
    (loading ??= import("./sdk").then(
      (module) => new module.Mesa({ apiKey, apiUrl, org, fetch: request, userAgent: "mesa-template" }),
    ));
  const ask = async <T>(what: string, work: (mesa: Mesa) => Promise<T>): Promise<T> => {
    try {
      return await work(await sdk());
    } catch (error) {
      host.signal.throwIfAborted();
      throw failureOf(error, what);
    }
  };
  const pageOfKeys = async (cursor: string | undefined): Promise<z.infer<typeof keysSchema>> => {
    const what = "list keys";
    const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    const response = await request(`${apiUrl}/${encodeURIComponent(org)}/api-keys${query}`, {
      headers: { Authorization: `Bearer ${apiKey}`, "User-Agent": "mesa-template" },
    });
    if (!response.ok) throw refusal(response.status, what, (await response.text()).slice(0, 300));
    return parsed(keysSchema, await response.json().catch(() => undefined), what);
  };
  return {
    async whoami() {
      const what = "say who it speaks with";
      const answer = parsed(whoamiSchema, await ask(what, (mesa) => mesa.whoami()), what);
      return { org: answer.org.slug, scopes: answer.scopes };
    },
    async createKey({ name, scopes, seconds, repoIds }) {
      const what = `make the key ${name}`;
      const answer = await ask(what, (mesa) =>
        mesa.apiKeys.create({
          name,
          scopes: [...scopes],
          expires_in_seconds: Math.ceil(seconds),
          ...(repoIds === undefined ? {} : { repo_ids: [...repoIds] }),
        }),
      );
      const key = parsed(keySchema, answer, what);
      host.redact.add(key.key);
      return key;
    },
    async listKeys() {
      const found: { id: string; name: string; revoked: boolean }[] = [];
      let cursor: string | undefined;
      do {
        const page = await pageOfKeys(cursor);
        for (const { id, name, revoked_at: revokedAt } of page.api_keys)
          found.push({ id, name, revoked: revokedAt != null });
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined);
      return found;
    },
    async revokeKey(id) {
      await ask(`revoke the key ${id}`, (mesa) => mesa.apiKeys.revoke({ id }));
    },
    async getRepo(name) {
      const what = `show the repository ${org}/${name}`;
      const answer = await ask(what, (mesa) =>
        mesa.repos.get({ repo: name }).catch((error: unknown) => {
          if (statusOf(error) === 404) return undefined;
          throw error;
        }),
      );
      return answer === undefined ? undefined : parsed(repoSchema, answer, what);
    },
    async createRepo(name) {
      const what = `make the repository ${org}/${name}`;
      return parsed(repoSchema, await ask(what, (mesa) => mesa.repos.create({ name })), what);
    },
    async deleteRepo(name) {
      await ask(`delete the repository ${org}/${name}`, (mesa) => mesa.repos.delete({ repo: name }));
    },
  };
}
