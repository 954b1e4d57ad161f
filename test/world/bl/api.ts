import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

export interface Session {
  readonly base: string;
  readonly workspace: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the key is the environment's (then refusals get a hint about it). */
  readonly fromEnvironment: boolean;
}

interface ConfigFile {
  readonly context?: { readonly workspace?: string };
  readonly workspaces?: readonly {
    readonly name?: string;
    readonly credentials?: { readonly apiKey?: string };
  }[];
}

function readConfig(): ConfigFile {
  try {
    return (
      (parse(
        readFileSync(join(process.env["HOME"] ?? "", ".blaxel/config.yaml"), "utf8"),
      ) as ConfigFile | null) ?? {}
    );
  } catch {
    return {};
  }
}

/** Who asks: workspace by -w, BL_WORKSPACE, config; credentials of config.yaml win over the environment's. */
export function session(workspaceFlag: string | undefined): Session | undefined {
  const config = readConfig();
  const workspace = workspaceFlag ?? process.env["BL_WORKSPACE"] ?? config.context?.workspace;
  if (workspace === undefined || workspace === "") return undefined;
  const stored = config.workspaces?.find((entry) => entry.name === workspace)?.credentials?.apiKey;
  const key = stored ?? process.env["BL_API_KEY"];
  const base = (process.env["BL_API_URL"] ?? "https://api.blaxel.ai/v0").replace(/\/$/u, "");
  return {
    base,
    workspace,
    fromEnvironment: stored === undefined && key !== undefined,
    headers: {
      Accept: "application/json",
      "User-Agent": "blaxel/cli/golang/0.1.108 (linux/amd64) blaxel/c47b38a",
      "Blaxel-Version": "2026-04-28",
      "X-Blaxel-Workspace": workspace,
      ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
    },
  };
}

export interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** The failure as the SDK words it: METHOD "URL": CODE Text {raw} */
  readonly failure: string;
}

const RETRIED = new Set([408, 409, 429, 500, 502, 503, 504]);

/** Whether the SDK in bl tries again after an answer: as x-should-retry says, by the status where it says nothing. */
function isRetried({ status, headers }: Response): boolean {
  const said = headers.get("x-should-retry");
  return said === "true" || (said !== "false" && RETRIED.has(status));
}

/** One request; 408, 409, 429 and 5xx are tried twice more. */
export async function ask(
  { base, headers }: Session,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const url = base + path;
  for (let attempt = 0; ; attempt += 1) {
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers: body === undefined ? headers : { ...headers, "Content-Type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      const cause = (error as { cause?: { code?: string; message?: string } }).cause;
      const word =
        method === "GET" ? "Get" : method === "POST" ? "Post" : method === "PUT" ? "Put" : "Delete";
      // Node's fetch does not try some ports at all; what bl would find there is nobody.
      const refused = cause?.code === "ECONNREFUSED" || cause?.message === "bad port";
      const { host } = new URL(url);
      const reason = refused ? `dial tcp ${host}: connect: connection refused` : "EOF";
      if (attempt < 2 && !refused) continue;
      return {
        ok: false,
        status: 0,
        headers: new Headers(),
        body: "",
        failure: `${word} "${url}": ${reason}`,
      };
    }
    const text = await response.text();
    if (isRetried(response) && attempt < 2) {
      await new Promise((done) => setTimeout(done, 500 * (attempt + 1)));
      continue;
    }
    const type = response.headers.get("content-type") ?? "";
    if (response.ok && (text === "" || !type.includes("json")))
      return {
        ok: false,
        status: response.status,
        headers: response.headers,
        body: "",
        failure: `expected destination type of 'string' or '[]byte' for responses with content-type '${type}' that is not 'application/json'`,
      };
    const raw = (response.headers.get("content-type") ?? "").includes("json") ? text : "";
    return {
      ok: response.ok,
      status: response.status,
      headers: response.headers,
      body: text,
      failure: `${method} "${url}": ${String(response.status)} ${response.statusText} ${raw}`,
    };
  }
}

/** The message in an error answer, else the whole failure. */
export function messageIn(answer: Answer): string {
  try {
    const body = JSON.parse(answer.body) as { message?: unknown; error?: unknown };
    if (typeof body.message === "string") return body.message;
    if (typeof body.error === "string") return body.error;
  } catch {
    // Not JSON: the failure says it all.
  }
  return answer.failure;
}

/** Two lines about where the key comes from, when a text sounds like it is about that. */
export function credentialHint(text: string, { fromEnvironment }: Session): string {
  if (!fromEnvironment || !/401 |403 |unauthorized|permission denied/iu.test(text)) return "";
  return "⚠ Authentication is using API key from environment variable BL_API_KEY\n  If this is unexpected, unset the variable with 'unset BL_API_KEY' or update its value.\n";
}
