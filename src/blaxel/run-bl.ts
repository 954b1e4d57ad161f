import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { setIn, variables, type Environment } from "../support/environment";
import type { Host } from "../support/host";
import type { ProcessResult } from "../support/processes/run-process";
import { outputLines } from "../support/text/output-lines";
import type { BlaxelCredentials } from "./credentials";

/** bl, found and ready for one use. */
export interface Bl {
  readonly host: Host;
  /** Of the program; absolute. */
  readonly path: string;
  /** Private, with a HOME without config.yaml (home), a TMPDIR (tmp; bl leaves its zip there) and a neutral working directory (cwd). */
  readonly folder: string;
  readonly credentials: BlaxelCredentials | undefined;
}

/** Variables that bl and the network need; all others (NODE_OPTIONS, AWS_…, .env leftovers) are dropped. */
const PASSED_ON =
  /^(?:PATH|BL_(?:API_URL|RUN_URL|APP_URL|ENV|REGION)|BLAXEL_CUSTOM_HEADERS|HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy|SSL_CERT_(?:FILE|DIR)|TZ|LANG)$/u;

/** The whole environment of a bl run. CI=true and no terminal keep it from asking questions. */
function blEnvironment({ host: { env }, folder, credentials }: Bl): Environment {
  return {
    ...variables(env, PASSED_ON),
    HOME: join(folder, "home"),
    TMPDIR: join(folder, "tmp"),
    CI: "true",
    NO_COLOR: "1",
    DO_NOT_TRACK: "1",
    BL_API_URL: setIn(env, "BL_API_URL"),
    BL_WORKSPACE: credentials?.workspace,
    BL_API_KEY: credentials?.apiKey,
    BL_CLIENT_CREDENTIALS: credentials?.clientCredentials,
  };
}

/** What bl answered; its `stdout` and `stderr` may hold secrets. */
export interface BlAnswer extends ProcessResult {
  /** How it ended, for messages: "exited with 1", "timed out after 20 s", "could not be started: …". */
  readonly ending: string;
  /** The last lines of both streams, secrets hidden. */
  readonly lastLines: readonly string[];
}

export interface BlRunOptions {
  readonly cwd?: string;
  readonly timeoutMs: number;
  readonly onLine?: ((line: string) => void) | undefined;
}

/**
 * Runs bl with its private environment, without stdin or terminal. Drains both pipes to the end: closing one early could kill bl between
 * request and upload.
 */
export async function runBl(bl: Bl, args: readonly string[], options: BlRunOptions): Promise<BlAnswer> {
  const { host, path, folder } = bl;
  const env = blEnvironment(bl);
  const result = await host.run({
    command: path,
    args,
    cwd: join(folder, "cwd"),
    env,
    signal: host.signal,
    ...options,
  });
  // bl colours its notice of a newer version under NO_COLOR, too, and the lines of a build's log as they came.
  const stdout = stripVTControlCharacters(result.stdout);
  const stderr = stripVTControlCharacters(result.stderr);
  return {
    ...result,
    stdout,
    stderr,
    ending: endingOf(result, options.timeoutMs),
    lastLines: outputLines(`${stderr}\n${stdout}`, 20).map((line) => host.redact(line)),
  };
}

function endingOf({ exitCode, signal, timedOut, spawnError }: ProcessResult, timeoutMs: number): string {
  if (spawnError !== undefined) return `could not be started: ${spawnError}`;
  if (timedOut) return `timed out after ${String(Math.round(timeoutMs / 1000))} s`;
  if (signal !== null) return `was killed by ${signal}`;
  return `exited with ${String(exitCode)}`;
}
