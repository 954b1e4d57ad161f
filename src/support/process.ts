/** How a program is run. The command is an argument vector: no shell, and never a secret in it. */
export interface ProcessRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  /** The whole environment of the program (nothing is inherited). */
  readonly env: Readonly<Record<string, string>>;
  /** Limit in ms; on time-out the whole process group is ended (SIGTERM, then SIGKILL). */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Text for stdin; without it stdin is empty (/dev/null). */
  readonly input?: string | undefined;
  /** Bytes kept of each stream (the rest is drained and dropped from the front). Default 4 MiB. */
  readonly keepBytes?: number | undefined;
  readonly onLine?: ((line: string, stream: "stdout" | "stderr") => void) | undefined;
}

/**
 * The environment for a program that reaches registries, clouds or clusters with credentials of its own: all of this one's, without
 * what belongs to Blaxel, to Mesa and to this program, and without private keys.
 */
export function othersEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !/^(?:BL|MESA)_/u.test(entry[0]) && !entry[1].includes("PRIVATE KEY-----"),
    ),
  );
}

export interface ProcessResult {
  /** Exit code; null when the program was ended by a signal or never started. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** Set when the program could not be started at all, e.g. ENOENT. */
  readonly spawnError?: string;
}

/** Runs a program to its end. Resolves whatever the program did; rejects only with the abort reason. Both pipes are always drained. */
export type RunProcess = (request: ProcessRequest) => Promise<ProcessResult>;
