import type { Host } from "../support/host";
import { timeLimit } from "../support/processes/time-limit";
import { messageOf } from "../support/errors";
import { blaxelCredentials } from "./credentials";
import { refusal } from "./refusals";

/** The address of Blaxel's control plane. */
export function controlPlane(host: Host): string {
  return (host.env["BL_API_URL"] ?? "https://api.blaxel.ai/v0").replace(/\/$/u, "");
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

/** @param credentials id:secret, plain or as base64 */
async function tokenFor(host: Host, credentials: string): Promise<string> {
  const plain = credentials.includes(":") ? credentials : Buffer.from(credentials, "base64").toString("utf8");
  const url = `${controlPlane(host)}/oauth/token`;
  let reason: string;
  try {
    const response = await host.fetch(url, {
      method: "POST",
      headers: {
        Authorization: `Basic ${Buffer.from(plain).toString("base64")}`,
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ grant_type: "client_credentials" }),
      signal: timeLimit(20_000, host.signal),
    });
    const text = await response.text();
    const token = response.ok ? tokenIn(text) : undefined;
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

function tokenIn(text: string): string | undefined {
  try {
    const { access_token: token } = JSON.parse(text) as { readonly access_token?: unknown };
    return typeof token === "string" && token !== "" ? token : undefined;
  } catch {
    return undefined;
  }
}
