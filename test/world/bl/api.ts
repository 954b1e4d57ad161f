import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { IncomingHttpHeaders } from "node:http";
import { call } from "./call";
import { send, type Reply } from "./http";

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

async function readConfig(): Promise<ConfigFile> {
  try {
    const text = readFileSync(join(call().env["HOME"] ?? "", ".blaxel/config.yaml"), "utf8");
    const { parse } = await import("yaml");
    return (parse(text) as ConfigFile | null) ?? {};
  } catch {
    return {};
  }
}

/** Who asks: workspace by -w, BL_WORKSPACE, config; credentials of config.yaml win over the environment's. */
export async function session(workspaceFlag: string | undefined): Promise<Session | undefined> {
  const config = await readConfig();
  const workspace = workspaceFlag ?? call().env["BL_WORKSPACE"] ?? config.context?.workspace;
  if (workspace === undefined || workspace === "") return undefined;
  const stored = config.workspaces?.find((entry) => entry.name === workspace)?.credentials?.apiKey;
  const key = stored ?? call().env["BL_API_KEY"];
  const base = (call().env["BL_API_URL"] ?? "https://api.blaxel.ai/v0").replace(/\/$/u, "");
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
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The failure as the SDK words it: METHOD "URL": CODE Text {raw} */
  readonly failure: string;
}

const RETRIED = new Set([408, 409, 429, 500, 502, 503, 504]);

/** Whether the SDK in bl tries again after an answer: as x-should-retry says, by the status where it says nothing. */
function isRetried({ status, headers }: Reply): boolean {
  const said = headers["x-should-retry"];
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
    let reply: Reply;
    try {
      reply = await (body === undefined
        ? send(method, url, headers)
        : send(method, url, { ...headers, "Content-Type": "application/json" }, JSON.stringify(body)));
    } catch (error) {
      const word =
        method === "GET" ? "Get" : method === "POST" ? "Post" : method === "PUT" ? "Put" : "Delete";
      const refused = (error as { code?: string }).code === "ECONNREFUSED";
      const { host } = new URL(url);
      const reason = refused ? `dial tcp ${host}: connect: connection refused` : "EOF";
      if (attempt < 2 && !refused) continue;
      return {
        ok: false,
        status: 0,
        headers: {},
        body: "",
        failure: `${word} "${url}": ${reason}`,
      };
    }
    if (isRetried(reply) && attempt < 2) {
      await new Promise((done) => setTimeout(done, 500 * (attempt + 1)));
      continue;
    }
    const { status, statusText, headers: told, text } = reply;
    const ok = status >= 200 && status < 300;
    const type = told["content-type"] ?? "";
    if (ok && (text === "" || !type.includes("json")))
      return {
        ok: false,
        status,
        headers: told,
        body: "",
        failure: `expected destination type of 'string' or '[]byte' for responses with content-type '${type}' that is not 'application/json'`,
      };
    const raw = type.includes("json") ? text : "";
    return {
      ok,
      status,
      headers: told,
      body: text,
      failure: `${method} "${url}": ${String(status)} ${statusText} ${raw}`,
    };
  }
}

/** Where the source is to be uploaded, according to the answer. */
export function uploadUrl({ headers }: Answer): string | undefined {
  return [headers["x-blaxel-upload-url"]].flat()[0];
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
