import { join } from "node:path";
import * as z from "zod/mini";
import { setIn, type Environment } from "../support/environment";
import { Failure } from "../support/errors";
import { textNow } from "../support/files/files";
import type { Host } from "../support/host";

/** The login to Blaxel; passed on in environments only, never in arguments. */
export interface BlaxelCredentials {
  readonly workspace: string;
  readonly apiKey?: string;
  /** base64 of id:secret, the format of BL_CLIENT_CREDENTIALS. */
  readonly clientCredentials?: string;
  /** Their source, for messages. */
  readonly source: string;
}

const HINT =
  "Set BL_API_KEY and BL_WORKSPACE (an API key from the Blaxel console), or sign in once with: BL_API_KEY=… bl login WORKSPACE";

function missing(message: string): Failure {
  return new Failure({ code: "NO_BLAXEL_CREDENTIALS", kind: "environment", message, hint: HINT });
}

/** A value that may be absent; one of another kind counts as absent. */
const maybe = <Schema extends z.ZodMiniType>(schema: Schema) => z.catch(z.optional(schema), undefined);
const word = maybe(z.string().check(z.minLength(1)));
const configSchema = z.catch(
  z.object({
    context: maybe(z.object({ workspace: word })),
    workspaces: maybe(
      z.array(
        z.object({
          name: word,
          credentials: maybe(z.object({ apiKey: word, client_credentials: word })),
        }),
      ),
    ),
  }),
  {},
);

/** What each run has read, by its environment: bl may select another workspace in another terminal while it runs. */
const configs = new WeakMap<Environment, z.infer<typeof configSchema>>();

/** bl's own configuration; undefined if there is none. @throws Failure NO_BLAXEL_CREDENTIALS (exit 3) if it is not YAML */
async function readConfigFile(host: Host): Promise<z.infer<typeof configSchema> | undefined> {
  const known = configs.get(host.env);
  if (known !== undefined) return known;
  const home = host.env["HOME"];
  const path = home === undefined ? undefined : join(home, ".blaxel/config.yaml");
  const text = path === undefined ? undefined : textNow(path);
  if (text === undefined || text === "") return undefined;
  const { default: yaml } = await import("yaml");
  try {
    const config = configSchema.parse(yaml.parse(text));
    configs.set(host.env, config);
    return config;
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

/**
 * The workspace in use: BL_WORKSPACE (set by --workspace), else the one in bl's configuration; undefined if neither names one.
 * @throws Failure NO_BLAXEL_CREDENTIALS (exit 3) if bl's configuration is not YAML
 */
export async function workspaceInUse(host: Host): Promise<string | undefined> {
  return setIn(host.env, "BL_WORKSPACE") ?? (await readConfigFile(host))?.context?.workspace;
}

async function fromConfigFile(host: Host, wanted: string | undefined): Promise<BlaxelCredentials> {
  const config = await readConfigFile(host);
  if (config === undefined)
    throw missing("No Blaxel credentials: BL_API_KEY is not set, and bl login was never run.");
  const workspace = wanted ?? config.context?.workspace;
  if (workspace === undefined)
    throw missing("No Blaxel workspace is selected: BL_WORKSPACE is not set, and bl login selected none.");
  const found = config.workspaces?.find(({ name }) => name === workspace)?.credentials;
  const { apiKey, client_credentials: clientCredentials } = found ?? {};
  const source = "~/.blaxel/config.yaml";
  if (apiKey !== undefined) return { workspace, apiKey, source };
  if (clientCredentials !== undefined) return { workspace, clientCredentials, source };
  throw missing(
    found === undefined
      ? `bl is not signed in to the workspace ${workspace}.`
      : `bl is signed in to ${workspace} through a browser; an unattended deploy needs a key that does not expire during the deploy.`,
  );
}

/**
 * The credentials that are really used. BL_API_KEY in the environment takes precedence; without it, ~/.blaxel/config.yaml is read. bl then
 * runs with a separate HOME, because bl 0.1.108 prefers the file to the environment. The values become secrets.
 * @throws Failure NO_BLAXEL_CREDENTIALS (exit 3), BL_API_URL (exit 2)
 */
export async function blaxelCredentials(host: Host): Promise<BlaxelCredentials> {
  // @blaxel/core reads it too, as it is.
  const address = host.env["BL_API_URL"] ?? "";
  if (address !== "" && !(/^https?:\/\/\S+$/iu.test(address) && URL.canParse(address)))
    throw new Failure({
      code: "BL_API_URL",
      kind: "usage",
      message: `BL_API_URL is ${JSON.stringify(address)}, which is not an address.`,
      hint: "Write it like https://api.blaxel.ai/v0, or unset it.",
    });
  const workspace = setIn(host.env, "BL_WORKSPACE");
  const given = fromEnvironment(host.env, workspace) ?? (await fromConfigFile(host, workspace));
  const credentials = inBase64(given);
  for (const secret of [given.apiKey, given.clientCredentials, credentials.clientCredentials])
    host.redact.add(secret);
  const { apiKey, clientCredentials, source, workspace: name } = credentials;
  if (![apiKey ?? clientCredentials ?? "", name].every((value) => /^[!-~]+$/u.test(value)))
    throw missing(
      `${source} or the workspace ${JSON.stringify(name)} holds a character that no request can carry, such as a line break.`,
    );
  return credentials;
}

/** The same with client credentials in base64: bl takes id:secret plain, too, but @blaxel/core sends it as it is (0.3.21). */
function inBase64(credentials: BlaxelCredentials): BlaxelCredentials {
  const { clientCredentials = "" } = credentials;
  if (!clientCredentials.includes(":")) return credentials;
  return { ...credentials, clientCredentials: Buffer.from(clientCredentials).toString("base64") };
}

function fromEnvironment(env: Host["env"], workspace: string | undefined): BlaxelCredentials | undefined {
  const source = ["BL_API_KEY", "BL_CLIENT_CREDENTIALS"].find((name) => setIn(env, name) !== undefined);
  if (source === undefined) return undefined;
  if (workspace === undefined) throw missing(`${source} is set, BL_WORKSPACE is not.`);
  const secret = setIn(env, source) ?? "";
  return source === "BL_API_KEY"
    ? { workspace, apiKey: secret, source }
    : { workspace, clientCredentials: secret, source };
}
