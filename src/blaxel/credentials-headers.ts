import type { Host } from "../support/host";
import { blaxelCredentials } from "./credentials";

/**
 * Headers with which the edge lets a request through to a sandbox. Client credentials are exchanged for a token first
 * (POST /oauth/token, as bl 0.1.108 does).
 */
export async function sandboxHeaders(host: Host): Promise<Readonly<Record<string, string>>> {
  const credentials = await blaxelCredentials(host);
  if (credentials.apiKey !== undefined) {
    return {
      "X-Blaxel-Authorization": `Bearer ${credentials.apiKey}`,
      "X-Blaxel-Workspace": credentials.workspace,
    };
  }
  const base = (host.env["BL_API_URL"] ?? "https://api.blaxel.ai/v0").replace(/\/$/u, "");
  const basic = Buffer.from(
    credentials.clientCredentials?.includes(":") === true
      ? credentials.clientCredentials
      : Buffer.from(credentials.clientCredentials ?? "", "base64").toString("utf8"),
  ).toString("base64");
  const response = await host.fetch(`${base}/oauth/token`, {
    method: "POST",
    headers: { Authorization: `Basic ${basic}`, "Content-Type": "application/json" },
    body: JSON.stringify({ grant_type: "client_credentials" }),
    signal: host.signal,
  });
  const answer = (await response.json()) as { readonly access_token?: unknown };
  const token = typeof answer.access_token === "string" ? answer.access_token : "";
  host.redact.add(token);
  return { "X-Blaxel-Authorization": `Bearer ${token}`, "X-Blaxel-Workspace": credentials.workspace };
}
