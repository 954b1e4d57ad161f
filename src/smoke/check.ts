import type { RenderedTemplate } from "../render/rendered";
import type { CheckResult } from "./report";

/** A command for a subject: a script for `sh -c`, or an argument vector without a shell. */
export interface Command {
  readonly script?: string;
  readonly argv?: readonly string[];
  /** Run as this user (name or uid[:gid]); default: what the subject runs as. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly durationMs: number;
}

/** What a check runs against: a local container or a deployed sandbox. */
export interface Subject {
  readonly kind: "container" | "sandbox";
  run(command: Command): Promise<CommandResult>;
  readFile(path: string): Promise<Uint8Array>;
  /** An HTTP request to a port of the subject. */
  request(port: number, path: string, init?: RequestInit): Promise<Response>;
  /** Base URL of the sandbox API as @blaxel/core's forceUrl takes it (no trailing slash), with headers it needs. */
  readonly api: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
}

/** The image at rest: config, history, files of a never started container. Only where an engine holds it. */
export interface ImageAtRest {
  readonly config: {
    readonly env: readonly string[];
    readonly entrypoint: readonly string[];
    readonly cmd: readonly string[];
    readonly labels: Readonly<Record<string, string>>;
    readonly user: string;
    readonly workdir: string;
  };
  readonly history: readonly { readonly createdBy: string; readonly sizeBytes: number }[];
  readonly sizeBytes: number;
  /** Every path of the image's file system with its kind, mode (with setuid bits), size; streamed once and kept. */
  files(): Promise<readonly ImageFile[]>;
  readFile(path: string): Promise<Uint8Array | undefined>;
  /** Whether any layer's bytes hold one of these values; answers with the paths. */
  pathsHolding(values: readonly string[]): Promise<readonly string[]>;
}

export interface ImageFile {
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** Permission bits with setuid/setgid/sticky, e.g. 0o4755. */
  readonly mode: number;
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
}

/** Starting and stopping: only where an engine runs it. */
export interface Lifecycle {
  /** Starts a container of its own, sends SIGTERM, and tells how long it took to end (ms), its exit code, and whether it was killed. */
  stopWithSigterm(): Promise<{
    readonly durationMs: number;
    readonly exitCode: number;
    readonly killed: boolean;
  }>;
  /** Processes in state Z in the long-lived container. */
  zombies(): Promise<readonly string[]>;
}

/** What checks may look at besides their subject. */
export interface CheckContext {
  readonly rendered: RenderedTemplate;
  /** Values that must not be found anywhere (our own credentials). */
  readonly secrets: readonly string[];
  /** Mesa credential, when there is one: the API to make a short-lived key with. */
  readonly mesa?: { readonly apiUrl: string; readonly apiKey: string; readonly org: string };
  /** Why FUSE cannot be tried here (e.g. no /dev/fuse on the engine's host), when it cannot. */
  readonly fuseUnavailable?: string;
  readonly signal: AbortSignal;
}

export type CheckVerdict = Omit<CheckResult, "name" | "durationMs">;

interface CheckBase {
  readonly name: string;
}

/**
 * A shell probe: pure text in, verdict out. Probes of one user are batched into one execution; `judge` sees only its own
 * part. A probe that must not share an execution says so.
 */
export interface ProbeCheck extends CheckBase {
  readonly needs: "subject";
  readonly how: "probe";
  readonly script: (context: CheckContext) => string;
  readonly user?: string;
  readonly timeoutMs?: number;
  readonly skip?: (context: CheckContext) => string | undefined;
  readonly judge: (result: CommandResult, context: CheckContext) => CheckVerdict;
}

/** A check that talks to the subject itself. */
export interface SubjectCheck extends CheckBase {
  readonly needs: "subject";
  readonly how: "own";
  readonly skip?: (context: CheckContext) => string | undefined;
  readonly run: (subject: Subject, context: CheckContext) => Promise<CheckVerdict>;
}

export interface ImageCheck extends CheckBase {
  readonly needs: "image";
  readonly skip?: (context: CheckContext) => string | undefined;
  readonly run: (image: ImageAtRest, context: CheckContext) => Promise<CheckVerdict>;
}

export interface LifecycleCheck extends CheckBase {
  readonly needs: "lifecycle";
  readonly skip?: (context: CheckContext) => string | undefined;
  readonly run: (lifecycle: Lifecycle, context: CheckContext) => Promise<CheckVerdict>;
}

/** One definition, run against a local container and a deployed sandbox alike; `needs` tells where it can run. */
export type Check = ProbeCheck | SubjectCheck | ImageCheck | LifecycleCheck;
