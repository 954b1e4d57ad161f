import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";

/** How this program signs in to Blaxel; handed on in environments only, never in arguments. */
export interface BlaxelCredentials {
  readonly workspace: string;
  readonly apiKey?: string;
  /** base64 of id:secret, as BL_CLIENT_CREDENTIALS takes it. */
  readonly clientCredentials?: string;
  /** Where they were found, for messages. */
  readonly source: string;
}

const HINT =
  "Set BL_API_KEY and BL_WORKSPACE (an API key from the Blaxel console), or sign in once with: BL_API_KEY=… bl login WORKSPACE";

function missing(message: string): Failure {
  return new Failure({ code: "NO_BLAXEL_CREDENTIALS", kind: "environment", message, hint: HINT });
}

interface ConfigFile {
  readonly context?: { readonly workspace?: unknown };
  readonly workspaces?: readonly {
    readonly name?: unknown;
    readonly credentials?: Readonly<Record<string, unknown>>;
  }[];
}

/** bl's own configuration; undefined when there is none. @throws Failure NO_BLAXEL_CREDENTIALS (exit 3) when it is not YAML */
async function readConfigFile(host: Host): Promise<ConfigFile | undefined> {
  const home = host.env["HOME"];
  const path = home === undefined ? undefined : join(home, ".blaxel/config.yaml");
  let text: string;
  try {
    text = path === undefined ? "" : await readFile(path, "utf8");
  } catch {
    text = "";
  }
  if (text === "") return undefined;
  const { parse } = await import("yaml");
  try {
    return (parse(text) as ConfigFile | null) ?? {};
  } catch (error) {
    throw new Failure({
      code: "NO_BLAXEL_CREDENTIALS",
      kind: "environment",
      message: `${path ?? ""} is not valid YAML, so no credentials can be read from it.`,
      hint: HINT,
      cause: error,
    });
  }
}

function chosenWorkspace(config: ConfigFile | undefined): string | undefined {
  const workspace = config?.context?.workspace;
  return typeof workspace === "string" && workspace !== "" ? workspace : undefined;
}

/**
 * The workspace in use: BL_WORKSPACE (which --workspace sets), or else the one that bl's own configuration chooses; undefined
 * where neither names one.
 * @throws Failure NO_BLAXEL_CREDENTIALS (exit 3) when bl's configuration is not YAML
 */
export async function workspaceInUse(host: Host): Promise<string | undefined> {
  const given = host.env["BL_WORKSPACE"];
  return given !== undefined && given !== "" ? given : chosenWorkspace(await readConfigFile(host));
}

async function fromConfigFile(host: Host, wanted: string | undefined): Promise<BlaxelCredentials> {
  const config = await readConfigFile(host);
  if (config === undefined)
    throw missing("No Blaxel credentials: BL_API_KEY is not set, and bl login was never run.");
  const workspace = wanted ?? chosenWorkspace(config);
  if (workspace === undefined)
    throw missing("No Blaxel workspace is selected: BL_WORKSPACE is not set, and bl login selected none.");
  const workspaces: ConfigFile["workspaces"] = config.workspaces ?? [];
  const found = workspaces.find((entry) => entry.name === workspace)?.credentials;
  const apiKey = found?.["apiKey"];
  const clientCredentials = found?.["client_credentials"];
  const source = "~/.blaxel/config.yaml";
  if (typeof apiKey === "string" && apiKey !== "") return { workspace, apiKey, source };
  if (typeof clientCredentials === "string" && clientCredentials !== "")
    return { workspace, clientCredentials, source };
  throw missing(
    found === undefined
      ? `bl is not signed in to the workspace ${workspace}.`
      : `bl is signed in to ${workspace} through a browser; an unattended deploy needs a key that does not expire during the deploy.`,
  );
}

/**
 * The credentials that will really be used. BL_API_KEY in the environment decides; ~/.blaxel/config.yaml is read only
 * when there is none, and bl is then run with a HOME of its own, because bl 0.1.108 lets the file win over the
 * environment. Their values are secrets from here on.
 * @throws Failure NO_BLAXEL_CREDENTIALS (exit 3)
 */
export async function blaxelCredentials(host: Host): Promise<BlaxelCredentials> {
  const { BL_API_KEY: apiKey, BL_CLIENT_CREDENTIALS: clientCredentials, BL_WORKSPACE: workspace } = host.env;
  let credentials: BlaxelCredentials;
  if (apiKey !== undefined && apiKey !== "") {
    if (workspace === undefined || workspace === "") throw missing("BL_API_KEY is set, BL_WORKSPACE is not.");
    credentials = { workspace, apiKey, source: "BL_API_KEY" };
  } else if (clientCredentials !== undefined && clientCredentials !== "") {
    if (workspace === undefined || workspace === "")
      throw missing("BL_CLIENT_CREDENTIALS is set, BL_WORKSPACE is not.");
    credentials = { workspace, clientCredentials, source: "BL_CLIENT_CREDENTIALS" };
  } else {
    credentials = await fromConfigFile(host, workspace === "" ? undefined : workspace);
  }
  host.redact.add(credentials.apiKey);
  host.redact.add(credentials.clientCredentials);
  return credentials;
}
