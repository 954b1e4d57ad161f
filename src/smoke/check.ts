import type { HeldFile, LayerFile } from "../docker/saved-image/index";
import type { MesaFit } from "../mesa/access";
import type { ProvenTemplate } from "../render/rendered";
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
  /** An HTTP request to a port of the subject. */
  request(port: number, path: string, init?: RequestInit): Promise<Response>;
  /** Base URL of the sandbox API as @blaxel/core's forceUrl takes it (no trailing slash), with headers it needs. */
  readonly api: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
  /** Set where there is no shell: only argument vectors run. */
  readonly noShell?: true;
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
    /** As the image says it, e.g. "8080/tcp". */
    readonly exposedPorts: readonly string[];
    readonly volumes: readonly string[];
  };
  /** What made each step of its history, oldest first. */
  history(): Promise<readonly string[]>;
  /** Bytes of the files in its layers. */
  sizeBytes(): Promise<number>;
  /** Whether the image holds a path (absolute), as a container of it starts out; what lies behind a symbolic link counts as held. */
  holds(path: string): Promise<boolean>;
  /** Every path of the image's file system with its kind, mode (with setuid bits), size; streamed once and kept. */
  files(): Promise<readonly ImageFile[]>;
  /** What is at an absolute path: links on the way are followed, one at its end is not. */
  entry(path: string): Promise<HeldFile | undefined>;
  /** The text of a file, through links; undefined where there is none. Only of the paths that this was made for. */
  text(path: string): Promise<string | undefined>;
  /** Whether any layer's bytes hold one of these values; answers with the paths. */
  pathsHolding(values: readonly string[]): Promise<readonly string[]>;
}

export type ImageFile = LayerFile;

/** How a container ended on SIGTERM: how long it took (ms), its exit code, and whether it was killed. */
export interface Ending {
  readonly durationMs: number;
  readonly exitCode: number;
  readonly killed: boolean;
}

/**
 * Starting and stopping: only where an engine runs it. What is process 1 of a sandbox on Blaxel is not documented (its docs say the
 * image's own program, its code speaks of an init that starts it), so that both are looked at.
 */
export interface Lifecycle {
  /** Sends SIGTERM to a container whose process 1 is an init, and to one where it is the image's entrypoint. */
  stopWithSigterm(): Promise<{ readonly underInit: Ending; readonly asProcess1: Ending }>;
  /** Processes in state Z, in either container. */
  zombies(): Promise<readonly string[]>;
}

/** What checks of any image may look at besides their subject. */
export interface ImageContext {
  /** Values that must not be found anywhere (our own credentials). */
  readonly secrets: readonly string[];
  /** Why a device is not available here (e.g. no /dev/fuse on the engine's host), by its path. */
  readonly missingDevices: Readonly<Record<string, string>>;
  /** Set where the image's USER is not root, so that what only root may do says nothing: why. */
  readonly notRoot?: string;
  readonly signal: AbortSignal;
}

/** What checks of a template's image may look at besides their subject. */
export interface CheckContext extends ImageContext {
  readonly rendered: ProvenTemplate;
  /** How Mesa is reached with a credential that the template's version takes, or why there is none. */
  readonly mesa: MesaFit;
}

export type CheckVerdict = Omit<CheckResult, "name" | "durationMs">;

interface CheckBase<Context> {
  readonly name: string;
  /** Where it is written, for one that comes from a file. */
  readonly place?: { readonly file: string; readonly line: number };
  /** Why it cannot run here, when it cannot. */
  readonly skip?: (context: Context) => string | undefined;
}

/**
 * A shell probe: pure text in, verdict out. Probes of one user are batched into one execution; `judge` sees only its own
 * part. A probe that must not share an execution says so.
 */
export interface ProbeCheck<Context = CheckContext> extends CheckBase<Context> {
  readonly needs: "subject";
  readonly how: "probe";
  readonly script: (context: Context) => string;
  readonly user?: string;
  readonly timeoutMs?: number;
  readonly judge: (result: CommandResult, context: Context) => CheckVerdict;
}

/** A check that talks to the subject itself. */
export interface SubjectCheck<Context = CheckContext> extends CheckBase<Context> {
  readonly needs: "subject";
  readonly how: "own";
  readonly run: (subject: Subject, context: Context) => Promise<CheckVerdict>;
}

export interface ImageCheck<Context = CheckContext> extends CheckBase<Context> {
  readonly needs: "image";
  /** The same, asked of a sandbox, where no engine holds the image; without it such a check is no part of a run there. */
  readonly inSandbox?: ProbeCheck<Context>;
  readonly run: (image: ImageAtRest, context: Context) => Promise<CheckVerdict>;
}

export interface LifecycleCheck<Context = CheckContext> extends CheckBase<Context> {
  readonly needs: "lifecycle";
  readonly run: (lifecycle: Lifecycle, context: Context) => Promise<CheckVerdict>;
}

/** The check that decides whether a version counts as mounted. */
export const MOUNT_CHECK = "Mesa mounts, is written and read back";

/** One definition, run against a local container and a deployed sandbox alike; `needs` tells where it can run. */
export type Check<Context = CheckContext> =
  ProbeCheck<Context> | SubjectCheck<Context> | ImageCheck<Context> | LifecycleCheck<Context>;
