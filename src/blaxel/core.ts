import type * as CoreModule from "@blaxel/core";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { Failure, hasErrno } from "../support/errors";
import type { Host } from "../support/host";
import { blaxelCredentials } from "./credentials";

type Core = typeof CoreModule;

let loaded: Promise<Core> | undefined;

/**
 * Loads @blaxel/core from an empty working directory: at import it reads ./.env and ./blaxel.toml, and lets them win over
 * the environment (0.3.21), so a stray file beside the templates would decide which API is asked.
 */
async function importFromNeutralFolder(): Promise<Core> {
  const folder = await mkdtemp(join(tmpdir(), "mesa-template-core-"));
  const back = process.cwd();
  try {
    process.chdir(folder);
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
  } finally {
    process.chdir(back);
    await rm(folder, { recursive: true, force: true });
  }
}

/** @blaxel/core without an account: enough for a sandbox API whose address is known. */
export async function blaxelCoreUnsigned(): Promise<Core> {
  loaded ??= importFromNeutralFolder();
  return loaded;
}

/**
 * @blaxel/core, signed in with the same credentials that bl is given. HTTP/2 to the edge is left out: it saves nothing
 * for a handful of requests, and it goes to a fixed host that an API of one's own does not have.
 */
export async function blaxelCore(host: Host): Promise<Core> {
  const credentials = await blaxelCredentials(host);
  const core = await blaxelCoreUnsigned();
  core.initialize({
    workspace: credentials.workspace,
    ...(credentials.apiKey === undefined ? {} : { apiKey: credentials.apiKey }),
    ...(credentials.clientCredentials === undefined
      ? {}
      : { clientCredentials: credentials.clientCredentials }),
    disableH2: true,
  });
  return core;
}
