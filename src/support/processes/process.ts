import type { Environment } from "../environment";

/** A program to run. The command is an argument vector: no shell, and never a secret in it. */
export interface ProcessRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  /** The whole environment of the program (nothing is inherited, and what is undefined is not set). */
  readonly env: Environment;
  /** Limit in ms; on time-out the whole process group gets SIGTERM, then SIGKILL. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Text for stdin; default: empty (/dev/null). */
  readonly input?: string | undefined;
  /** Bytes kept of each stream; older ones are dropped. Default 4 MiB. */
  readonly keepBytes?: number | undefined;
  readonly onLine?: ((line: string, stream: "stdout" | "stderr") => void) | undefined;
}

export interface ProcessResult {
  /** Exit code; null if a signal ended the program or it never started. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** Why the program could not be started, e.g. ENOENT. */
  readonly spawnError?: string;
}

/** Runs a program to its end. Resolves whatever its exit code; rejects only with the abort reason. Always drains both pipes. */
export type RunProcess = (request: ProcessRequest) => Promise<ProcessResult>;
