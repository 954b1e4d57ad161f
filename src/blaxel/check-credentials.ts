import type { Host } from "../support/host";
import { timeLimit } from "../support/processes/time-limit";
import type { BlaxelCredentials } from "./credentials";
import { controlPlane, sandboxHeaders } from "./credentials-headers";
import { refusal } from "./refusals";

/**
 * Asks Blaxel whether it accepts the credentials for the workspace (GET /workspaces/WS, like bl login), without config.yaml or .env, which
 * could add others. Only a refusal counts; later requests meet and retry any other problem (a gateway, an API without that route).
 * @returns whether Blaxel accepted them
 * @throws Failure BLAXEL_UNAUTHORIZED, BLAXEL_FORBIDDEN (exit 3)
 */
export async function checkCredentials(host: Host, credentials: BlaxelCredentials): Promise<boolean> {
  const { workspace, source, apiKey } = credentials;
  const url = `${controlPlane(host)}/workspaces/${encodeURIComponent(workspace)}`;
  const headers = await sandboxHeaders(host);
  const response = await host
    .fetch(url, {
      headers: {
        ...headers,
        ...(apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }),
        Accept: "application/json",
      },
      signal: timeLimit(20_000, host.signal),
    })
    .catch(() => undefined);
  host.signal.throwIfAborted();
  const body = ((await response?.text().catch(() => "")) ?? "").slice(0, 300);
  if (response?.status !== 401 && response?.status !== 403) return response?.ok === true;
  const answerText = `${String(response.status)} ${response.statusText} ${body}`.trim();
  throw refusal(
    `Blaxel refuses the credentials (${source}) for the workspace ${workspace}: ${answerText}`,
    `GET "${url}": ${answerText}`,
  );
}
