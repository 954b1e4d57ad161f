import { mkdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { warnThatStays, withCleanUp } from "../support/processes/clean-up";
import { Failure } from "../support/errors";
import { makeTemporaryFolder } from "../support/files/files";
import type { Host } from "../support/host";
import type { BlaxelCredentials } from "./credentials";

/**
 * Private folders for one use of bl: a HOME without config.yaml, a TMPDIR (bl leaves its zip there), and a neutral working directory. bl's
 * ignore rules match absolute paths (dist, node_modules, .git, .env, venv …), so these paths must not contain such names, or no file would
 * be uploaded.
 */
export interface BlSession {
  readonly home: string;
  readonly temporary: string;
  readonly neutral: string;
  readonly credentials: BlaxelCredentials | undefined;
}

const SWALLOWING =
  /(^|\/)(\.blaxel|\.env\.build|\.docker|\.git|dist|\.venv|venv|node_modules|\.env|\.next|__pycache__)(\/|$)/u;

/** The real path of a folder, because bl follows links; undefined if it is not a folder. */
async function realFolder(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch {
    return undefined;
  }
}

/** A working folder whose path bl does not ignore: TMPDIR if suitable, else /tmp, /var/tmp. @throws Failure NO_NEUTRAL_FOLDER (exit 3) */
async function neutralParent(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  for (const candidate of [env["TMPDIR"], tmpdir(), "/tmp", "/var/tmp"]) {
    if (candidate === undefined || !candidate.startsWith("/")) continue;
    const path = await realFolder(candidate);
    if (path !== undefined && !SWALLOWING.test(path)) return path;
  }
  throw new Failure({
    code: "NO_NEUTRAL_FOLDER",
    kind: "environment",
    message:
      "No folder for temporary files is usable: each is missing or has a name in its path that bl leaves out of uploads.",
    hint: "Set TMPDIR to a folder such as /tmp.",
  });
}

/** Runs `use` with a session whose folders are removed afterwards. */
export async function withBlSession<T>(
  host: Host,
  credentials: BlaxelCredentials | undefined,
  use: (session: BlSession) => Promise<T>,
): Promise<T> {
  const root = await makeTemporaryFolder("bl", await neutralParent(host.env));
  const session: BlSession = {
    home: join(root, "home"),
    temporary: join(root, "tmp"),
    neutral: join(root, "cwd"),
    credentials,
  };
  const { home, temporary, neutral } = session;
  return withCleanUp(
    async () => {
      await Promise.all([home, temporary, neutral].map((path) => mkdir(path, { mode: 0o700 })));
      return use(session);
    },
    () => rm(root, { recursive: true, force: true }),
    warnThatStays(host, root),
  );
}

/** Variables that bl and the network need; all others (NODE_OPTIONS, AWS_…, .env leftovers) are dropped. */
const PASSED_ON = [
  "PATH",
  "BL_API_URL",
  "BL_RUN_URL",
  "BL_APP_URL",
  "BL_ENV",
  "BL_REGION",
  "BLAXEL_CUSTOM_HEADERS",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "TZ",
  "LANG",
];

/** The whole environment of a bl run. CI=true and no terminal keep it from asking questions. */
function blEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  session: BlSession,
): Record<string, string> {
  const passed = Object.fromEntries(
    PASSED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  ) as Record<string, string>;
  const { credentials } = session;
  return {
    ...passed,
    HOME: session.home,
    TMPDIR: session.temporary,
    CI: "true",
    NO_COLOR: "1",
    DO_NOT_TRACK: "1",
    ...(credentials === undefined ? {} : { BL_WORKSPACE: credentials.workspace }),
    ...(credentials?.apiKey === undefined ? {} : { BL_API_KEY: credentials.apiKey }),
    ...(credentials?.clientCredentials === undefined
      ? {}
      : { BL_CLIENT_CREDENTIALS: credentials.clientCredentials }),
  };
}

export interface BlAnswer {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** How it ended, for messages: "exited with 1", "timed out after 20 s", "could not be started: …". */
  readonly ending: string;
  /** The last lines of both streams, secrets hidden. */
  readonly lastLines: readonly string[];
}

export interface BlRunOptions {
  readonly cwd?: string;
  readonly timeoutMs: number;
  readonly onLine?: (line: string) => void;
}

/**
 * Runs bl with its private environment, without stdin or terminal. Drains both pipes to the end: closing one early could kill bl between
 * request and upload.
 */
export async function runBl(
  host: Host,
  path: string,
  session: BlSession,
  args: readonly string[],
  options: BlRunOptions,
): Promise<BlAnswer> {
  const result = await host.run({
    command: path,
    args,
    cwd: options.cwd ?? session.neutral,
    env: blEnvironment(host.env, session),
    timeoutMs: options.timeoutMs,
    signal: host.signal,
    onLine: options.onLine,
  });
  const outputLines = `${result.stderr}\n${result.stdout}`.split("\n").filter((line) => line.trim() !== "");
  return {
    exitCode: result.exitCode,
    stdout: result.stdout,
    stderr: result.stderr,
    timedOut: result.timedOut,
    ending: endingOf(result, options.timeoutMs),
    lastLines: outputLines.slice(-20).map((line) => host.redact(line)),
  };
}

function endingOf(
  result: {
    readonly exitCode: number | null;
    readonly signal: string | null;
    readonly timedOut: boolean;
    readonly spawnError?: string;
  },
  timeoutMs: number,
): string {
  if (result.spawnError !== undefined) return `could not be started: ${result.spawnError}`;
  if (result.timedOut) return `timed out after ${String(Math.round(timeoutMs / 1000))} s`;
  if (result.signal !== null) return `was killed by ${result.signal}`;
  return `exited with ${String(result.exitCode)}`;
}
