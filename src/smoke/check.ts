import type { ExecRequest, ExecResult, ImageConfig } from "../docker/engine";
import type { HeldFile, ImageContents } from "../docker/saved-image/index";
import type { MesaFit } from "../mesa/access";
import type { ProvenTemplate } from "../render/rendered";
import type { CheckResult } from "./report";

/** A command for a subject: a script for `sh -c`, or an argument vector without a shell. */
export interface Command extends Partial<ExecRequest> {
  readonly script?: string;
}

export interface CommandResult extends ExecResult {
  readonly durationMs: number;
}

/** The target of a check: a local container or a deployed sandbox. */
export interface Subject {
  readonly kind: "container" | "sandbox";
  run(command: Command): Promise<CommandResult>;
  /** An HTTP request to a port of the subject. */
  request(port: number, path: string, init?: RequestInit): Promise<Response>;
  /** Base URL of the sandbox API for @blaxel/core's forceUrl (no trailing slash), and required headers. */
  readonly api: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
  /** Why no shell runs in the subject, if so: then only argument vectors run. */
  readonly noShell?: string;
  /** Why the image's own program does not run in the subject, if so: then nothing answers but a check's own service. */
  readonly ended?: string;
}

/** The image at rest: configuration, history, files of a container that never starts. Requires an engine that holds it. */
export interface ImageAtRest {
  readonly config: ImageConfig & { readonly labels: Readonly<Record<string, string>> };
  /** Its layers, read once, with the files that hold one of the run's secrets. */
  contents(): Promise<ImageContents>;
  /** The entry at an absolute path; follows links on the way, but not a final one. */
  entry(path: string): Promise<HeldFile | undefined>;
  /** The text of a file, through links; undefined if missing. Only for the paths requested up front. */
  text(path: string): Promise<string | undefined>;
}

/** How a container ended on SIGTERM: time in ms, exit code, and whether it was killed. */
export interface Ending {
  readonly durationMs: number;
  readonly exitCode: number;
  readonly killed: boolean;
}

/** A subject that can be stopped; requires an engine. */
export interface Stoppable extends Subject {
  /** Sends SIGTERM, then SIGKILL after graceSeconds. */
  stop(graceSeconds: number): Promise<Ending>;
}

/**
 * The containers that start and stop. It is not documented what runs as process 1 in a Blaxel sandbox (the documentation says the image's
 * program, the code mentions an init that starts it), so both are checked. Checks that stop them run last.
 */
interface Lifecycle {
  /** The container of all other checks, whose process 1 is an init. */
  readonly underInit: Stoppable;
  /** One that only starts and stops, whose process 1 is the image's entrypoint; once the sandbox API answers in it. */
  readonly asProcess1: () => Promise<Stoppable>;
}

/** What checks of any image can use besides their subject. */
export interface ImageContext {
  /** Values that must not occur anywhere (our own credentials). */
  readonly secrets: readonly string[];
  /** Why a device is not available here (e.g. no /dev/fuse on the engine's host), by path. */
  readonly missingDevices: Readonly<Record<string, string>>;
  /** Set if the image's USER is not root, so that checks that need root prove nothing; the reason. */
  readonly notRoot?: string;
}

/** What checks of a template's image can use besides their subject. */
export interface CheckContext extends ImageContext {
  readonly rendered: ProvenTemplate;
  /** Access to Mesa with a credential for this version, or why there is none. */
  readonly mesa: MesaFit;
}

export type CheckVerdict = Omit<CheckResult, "name" | "durationMs">;

interface CheckBase<Context> {
  readonly name: string;
  /** Position in the file that defines it. */
  readonly place?: { readonly file: string; readonly line: number };
  /** Why it cannot run here; undefined if it can. */
  readonly skip?: (context: Context) => string | undefined;
}

/**
 * A shell probe: a script, and a pure function that judges its output. Probes of the same user are batched into one execution, unless a
 * probe requires its own.
 */
export interface ProbeCheck<Context = CheckContext> extends CheckBase<Context> {
  readonly needs: "shell";
  readonly script: string;
  readonly user?: string;
  readonly timeoutMs?: number;
  readonly judge: (result: CommandResult, context: Context) => CheckVerdict;
}

/** What checks run on, besides the scripts in the subject's shell. */
export interface Offers {
  readonly subject: Subject;
  readonly image?: ImageAtRest;
  readonly lifecycle?: Lifecycle;
}

interface OwnCheck<Context, Needs extends keyof Offers> extends CheckBase<Context> {
  readonly needs: Needs;
  /** Limit in ms, for what has none of its own, as @blaxel/core. */
  readonly limitMs?: number;
  readonly run: (on: Required<Offers>[Needs], context: Context) => Promise<CheckVerdict>;
}

interface ImageCheck<Context> extends OwnCheck<Context, "image"> {
  /** The same check for a sandbox, where no engine holds the image. Without it, the check does not run there. */
  readonly inSandbox?: ProbeCheck<Context>;
}

/** The check that decides whether Mesa was really mounted. */
export const MOUNT_CHECK = "Mesa mounts, is written and read back";

/** One definition for local containers and deployed sandboxes; `needs` tells where it can run. */
export type Check<Context = CheckContext> =
  ProbeCheck<Context> | OwnCheck<Context, "subject"> | OwnCheck<Context, "lifecycle"> | ImageCheck<Context>;
