import type { core } from "zod/mini";

/** Exit code of each kind of failure. The code is derived from the kind, never chosen. */
export const EXIT_CODES = {
  done: 0,
  internal: 1,
  usage: 2,
  environment: 3,
  upstream: 4,
  build: 5,
  smoke: 6,
  deploy: 7,
  manifest: 8,
  drift: 9,
  interrupted: 130,
} as const;

export type FailureKind = Exclude<keyof typeof EXIT_CODES, "done">;
export type ExitCode = number;

export interface FailureDetails {
  /** Stable machine name in capitals, e.g. SMOKE_FAILED. */
  readonly code: string;
  readonly kind: FailureKind;
  /** What failed and why, one sentence, cause first. */
  readonly message: string;
  /** The next step for the reader. */
  readonly hint?: string | undefined;
  /** The template (or id) it happened to. */
  readonly template?: string | undefined;
  /** The last lines of the other program's output. */
  readonly log?: readonly string[] | undefined;
  readonly cause?: unknown;
}

/**
 * The one error that this program throws on purpose. Anything else that reaches the top is a fault of this program (exit 1, with stack).
 */
export class Failure extends Error {
  readonly code: string;
  readonly kind: FailureKind;
  readonly hint: string | undefined;
  readonly template: string | undefined;
  readonly log: readonly string[];

  constructor(details: FailureDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.kind = details.kind;
    this.hint = details.hint;
    this.template = details.template;
    this.log = details.log ?? [];
  }

  /** The same failure with some other details. */
  with(changes: Partial<FailureDetails>): Failure {
    const { code, kind, message, hint, template, log, cause } = this;
    return new Failure({ code, kind, message, hint, template, log, cause, ...changes });
  }
}
Failure.prototype.name = "Failure";

/** Wrong usage: exit 2. */
export function wrongUsage(message: string, hint?: string): Failure {
  return new Failure({ code: "USAGE", kind: "usage", message, hint });
}

/** An input that does not verify, cannot be used or does not exist: exit 4. */
export function refusal(code: string, message: string, hint?: string, cause?: unknown): Failure {
  return new Failure({ code, kind: "upstream", message, hint, cause });
}

/** What is promised; undefined if that fails with this code. */
export async function unlessFailed<T>(code: string, promised: Promise<T>): Promise<T | undefined> {
  try {
    return await promised;
  } catch (error) {
    if (error instanceof Failure && error.code === code) return undefined;
    throw error;
  }
}

/** Meaning of an operating system error: whose fault it is, in words, and the next step. */
type SystemError = readonly [kind: "environment" | "usage", words: string, hint: string];

const SPACE = "Free some space there and run the command again: finished stages are kept.";
const FILES = "Raise the limit (ulimit -n 4096) and run the command again.";
const RIGHTS =
  "Check the owner and permissions of it and of its folder (ls -ld), or run as a user that may use it.";
const DISK = "Check the disk and its mount, then run the command again.";
const NETWORK = "Check the network and the address, then run the command again.";
const PLACE = "Move it away, or restore it from git.";

/** Files and processes of this machine: errno(3), and what Node adds. */
const MACHINE_ERRORS: Readonly<Record<string, SystemError>> = {
  EROFS: ["environment", "the file system is read-only", "Run the command where the project can be written."],
  ENOSPC: ["environment", "no space is left on the disk", SPACE],
  EDQUOT: ["environment", "the disk quota is used up", SPACE],
  EFBIG: ["environment", "the file would exceed the size limit", "Raise the limit: ulimit -f unlimited."],
  EMFILE: ["environment", "this process has too many open files", FILES],
  ENFILE: ["environment", "the system has too many open files", FILES],
  EACCES: ["environment", "permission denied", RIGHTS],
  EPERM: ["environment", "the operation is not permitted", RIGHTS],
  EIO: ["environment", "the disk reports an input/output error", DISK],
  ESTALE: ["environment", "the network file system lost the file", DISK],
  EBUSY: ["environment", "it is in use", "Wait for whatever uses it to end, then run the command again."],
  EAGAIN: ["environment", "the system cannot start another process now", "Raise the limit: ulimit -u."],
  ENOMEM: ["environment", "not enough memory", "Free some memory, or run with --concurrency 1."],
  ENOENT: [
    "environment",
    "there is no such file or folder",
    "Check that it exists, then run the command again.",
  ],
  ENOTDIR: ["usage", "a part of the path is a file, not a folder", PLACE],
  EISDIR: [
    "usage",
    "it is a folder, not a file",
    "Give the path of a file; if the project's own file belongs there, restore it from git.",
  ],
  EEXIST: ["usage", "something else already exists there", PLACE],
  ENOTEMPTY: ["usage", "the folder is not empty", PLACE],
  ELOOP: ["usage", "it is a symbolic link that leads to itself", PLACE],
  ENAMETOOLONG: ["usage", "the path is too long", "Use a shorter path for the project."],
  ERR_FS_FILE_TOO_LARGE: ["usage", "the file is too large to be read", PLACE],
  ERR_STRING_TOO_LONG: ["usage", "the file is too large to be read", PLACE],
};

/** Connections: errno(3) and getaddrinfo(3). */
const NETWORK_ERRORS: Readonly<Record<string, SystemError>> = {
  ECONNREFUSED: ["environment", "the connection was refused", NETWORK],
  ECONNRESET: ["environment", "the connection was lost", NETWORK],
  EPIPE: ["environment", "the other side closed the connection", NETWORK],
  ENOTFOUND: ["environment", "the host is not known", NETWORK],
  EAI_AGAIN: ["environment", "host names cannot be resolved now", NETWORK],
  ETIMEDOUT: ["environment", "the connection timed out", NETWORK],
  EHOSTUNREACH: ["environment", "the host cannot be reached", NETWORK],
  ENETUNREACH: ["environment", "the network cannot be reached", NETWORK],
};

function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/**
 * What was thrown, as a Failure. An operating system error becomes one of the environment (exit 3) or the user (exit 2); no other place
 * decides this. Undefined for anything else: a fault of this program.
 * @param path the file in question, for errors that name none (a write to an open file)
 */
export function failureOf(error: unknown, path?: string): Failure | undefined {
  if (error instanceof Failure) return error;
  const code = systemErrorCode(error) ?? "";
  const found = MACHINE_ERRORS[code] ?? NETWORK_ERRORS[code];
  if (!(error instanceof Error) || found === undefined) return undefined;
  const [kind, words, hint] = found;
  const details = { code, kind, cause: error };
  if ("syscall" in error && error.syscall === "uv_cwd")
    return new Failure({
      ...details,
      message: "The working folder was removed.",
      hint: "Change to a folder that exists (cd), then run the command again.",
    });
  const where = "path" in error && typeof error.path === "string" ? error.path : path;
  const message = where === undefined ? `${messageOf(error)} (${words}).` : `${where}: ${words}.`;
  return new Failure({ ...details, message, hint });
}

/** Whether files or processes of this machine caused an error: then it says nothing about the template. */
export function isMachineError(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (Object.hasOwn(MACHINE_ERRORS, systemErrorCode(at) ?? "")) return true;
  return false;
}

/** What was thrown; a Failure gets the template it happened to. */
export function onTemplate(error: unknown, template: string): unknown {
  const failure = failureOf(error);
  return failure?.template === undefined ? (failure?.with({ template }) ?? error) : failure;
}

/** The exit code for anything thrown: that of the Failure, else 1. */
export function exitCodeOf(error: unknown): ExitCode {
  return EXIT_CODES[failureOf(error)?.kind ?? "internal"];
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * What a parser or a schema finds wrong, in one line without the text that it quotes: the first wrong field ("a.b: expected string"), else
 * the message's first line.
 */
export function firstProblem(error: unknown): string {
  const issues = error instanceof Error && "issues" in error ? (error as core.$ZodError).issues : [];
  for (const { path, message } of issues) return `${path.map(String).join(".") || "it"}: ${message}`;
  return messageOf(error).split("\n", 1)[0] ?? "";
}

/** The causes below an error as one line ("a: b: c"), without repetitions and without objects that have no text. */
export function causeOf(error: unknown): string | undefined {
  const texts: string[] = [];
  let current: unknown = error instanceof Error ? error.cause : undefined;
  while ((current instanceof Error || typeof current === "string") && texts.length < 6) {
    const text = messageOf(current).trim();
    if (text !== "" && !texts.includes(text)) texts.push(text);
    current = current instanceof Error ? current.cause : undefined;
  }
  return texts.length === 0 ? undefined : texts.join(": ");
}

/** Whether an error of the operating system has one of these errno names. */
export function hasErrno(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(systemErrorCode(error) ?? "");
}
