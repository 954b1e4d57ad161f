import * as z from "zod/mini";
import { setIn } from "../support/environment";
import type { Host } from "../support/host";
import { timeLimit } from "../support/processes/time-limit";
import { messageOf } from "../support/errors";
import { parsedJson } from "../support/text/parsed-json";
import { blaxelCredentials, type BlaxelCredentials } from "./credentials";
import { refusal } from "./refusals";

/** The address of Blaxel's control plane. */
function controlPlane(host: Host): string {
  return (setIn(host.env, "BL_API_URL") ?? "https://api.blaxel.ai/v0").replace(/\/$/u, "");
}

/**
 * Headers that the edge requires for requests to a sandbox. Client credentials are first exchanged for a token (POST /oauth/token, like bl
 * 0.1.108).
 * @throws Failure BLAXEL_UNAUTHORIZED … (exit 3), BLAXEL_GATEWAY (exit 7) if the exchange is refused
 */
export async function sandboxHeaders(host: Host): Promise<Readonly<Record<string, string>>> {
  const { apiKey, clientCredentials = "", workspace } = await blaxelCredentials(host);
  const secret = apiKey ?? (await tokenFor(host, clientCredentials));
  return { "X-Blaxel-Authorization": `Bearer ${secret}`, "X-Blaxel-Workspace": workspace };
}

/** A fetch with those headers. A redirect is its answer: fetch would take X-Blaxel-Authorization along to another host. */
export function throughEdge(
  host: Pick<Host, "fetch">,
  access: Readonly<Record<string, string>>,
): Host["fetch"] {
  return (url, init) => {
    const own = init?.headers as Record<string, string> | undefined;
    return host.fetch(url, { redirect: "manual", ...init, headers: { ...access, ...own } });
  };
}

const tokenSchema = z.object({ access_token: z.string().check(z.minLength(1)) });

/** @param credentials id:secret in base64 */
async function tokenFor(host: Host, credentials: string): Promise<string> {
  const url = `${controlPlane(host)}/oauth/token`;
  let reason: string;
  try {
    const response = await host.fetch(url, {
      method: "POST",
      headers: {
        Authorization: `Basic ${credentials}`,
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ grant_type: "client_credentials" }),
      signal: timeLimit(20_000, host.signal),
    });
    const text = await response.text();
    const token = response.ok ? tokenSchema.safeParse(parsedJson(text)).data?.access_token : undefined;
    if (token !== undefined) {
      host.redact.add(token);
      return token;
    }
    reason = `POST "${url}": ${String(response.status)} ${response.statusText} ${text.slice(0, 300)}`.trim();
  } catch (error) {
    host.signal.throwIfAborted();
    reason = `POST "${url}": fetch failed: ${messageOf(error)}`;
  }
  throw refusal(`Blaxel issued no token for the client credentials: ${reason}`, reason);
}

/**
 * Asks Blaxel whether it accepts the credentials for the workspace (GET /workspaces/WS, like bl login), without config.yaml or .env, which
 * could add others. Only a refusal counts; later requests meet and retry any other problem (a gateway, an API without that route).
 * @returns whether Blaxel accepted them
 * @throws Failure BLAXEL_UNAUTHORIZED, BLAXEL_FORBIDDEN (exit 3)
 */
export async function checkCredentials(host: Host, credentials: BlaxelCredentials): Promise<boolean> {
  const { workspace, source, apiKey } = credentials;
  const url = `${controlPlane(host)}/workspaces/${encodeURIComponent(workspace)}`;
  const ask = throughEdge(host, await sandboxHeaders(host));
  const response = await ask(url, {
    headers: {
      ...(apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }),
      Accept: "application/json",
    },
    signal: timeLimit(20_000, host.signal),
  }).catch(() => undefined);
  host.signal.throwIfAborted();
  const body = ((await response?.text().catch(() => "")) ?? "").slice(0, 300);
  if (response?.status !== 401 && response?.status !== 403) return response?.ok === true;
  const answerText = `${String(response.status)} ${response.statusText} ${body}`.trim();
  throw refusal(
    `Blaxel refuses the credentials (${source}) for the workspace ${workspace}: ${answerText}`,
    `GET "${url}": ${answerText}`,
  );
}
