import type * as CoreModule from "@blaxel/core";
import { Failure, hasErrno } from "../support/errors";
import type { Host } from "../support/host";
import { blaxelCredentials, type BlaxelCredentials } from "./credentials";

type Core = typeof CoreModule;

let loaded: Promise<Core> | undefined;
let account: BlaxelCredentials | undefined;

/** @throws Failure CORE_MISSING (exit 3) */
async function load(): Promise<Core> {
  try {
    return await import("@blaxel/core");
  } catch (error) {
    if (!hasErrno(error, "ERR_MODULE_NOT_FOUND")) throw error;
    throw new Failure({
      code: "CORE_MISSING",
      kind: "environment",
      message: "The package @blaxel/core is not installed.",
      hint: "Install it: npm install @blaxel/core",
      cause: error,
    });
  }
}

/** @blaxel/core without an account: enough for a sandbox API with a known address. */
export async function blaxelCoreUnsigned(): Promise<Core> {
  loaded ??= load();
  return loaded;
}

/**
 * @blaxel/core, signed in with the credentials that bl gets. Without HTTP/2 to the edge: it saves nothing for a few requests, and uses a
 * fixed host that another API does not have.
 * @throws Failure BLAXEL_ACCOUNT_TAKEN, BLAXEL_API_MISMATCH (exit 2), NO_BLAXEL_CREDENTIALS (exit 3)
 */
export async function blaxelCore(host: Host): Promise<Core> {
  const credentials = await blaxelCredentials(host);
  refuseOtherAccount(credentials);
  const core = await blaxelCoreUnsigned();
  core.initialize({ ...credentials, disableH2: true });
  refuseOtherApi(host, core.settings.baseUrl);
  return core;
}

/** @blaxel/core signs in once per process (0.3.21): a second account would also be used for the first one's sandboxes. */
function refuseOtherAccount(credentials: BlaxelCredentials): void {
  account ??= credentials;
  const { workspace, apiKey, clientCredentials } = credentials;
  if (
    account.workspace === workspace &&
    account.apiKey === apiKey &&
    account.clientCredentials === clientCredentials
  )
    return;
  const other =
    account.workspace === workspace
      ? `with other credentials for the workspace ${workspace}`
      : `to the workspace ${account.workspace}, and cannot also sign in to ${workspace}`;
  throw new Failure({
    code: "BLAXEL_ACCOUNT_TAKEN",
    kind: "usage",
    message: `@blaxel/core is already signed in ${other}: it supports one account per process.`,
    hint: "Use one process (not a worker thread of it) for each account.",
  });
}

/**
 * @blaxel/core reads its API's address from ./.env, ./blaxel.toml and the process's environment, in this order (0.3.21). If it differs from
 * this program's, no request is made.
 */
function refuseOtherApi({ env }: Host, address: string): void {
  const wanted = env["BL_API_URL"] ?? "";
  if (wanted === "" ? /^https:\/\/api\.blaxel\.(?:ai|dev)\/v0$/u.test(address) : address === wanted) return;
  throw new Failure({
    code: "BLAXEL_API_MISMATCH",
    kind: "usage",
    message: `@blaxel/core would ask ${address} instead of ${wanted === "" ? "Blaxel's own API" : wanted}.`,
    hint: "Set BL_API_URL for the whole process, and remove it from .env and blaxel.toml in the working directory.",
  });
}
