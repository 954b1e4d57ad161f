import type { Platform } from "../blaxel/platform";
import type { Bl } from "../blaxel/run-bl";
import type { RenderedTemplate } from "../render/rendered";
import type { Failure } from "../support/errors";
import type { Host } from "../support/host";
import type { KnownSandbox } from "./sending/ownership";

/** An image in a registry that Blaxel imports. */
export interface ImportSource {
  /** registry/path@sha256:… */
  readonly reference: string;
  readonly digest: string;
  /** Docker config.json with the registry's login; undefined: the image is public. */
  readonly dockerConfig: string | undefined;
  /** Called right before Blaxel gets the image: checks that the registry still has it under its tag. */
  confirm(): Promise<void>;
}

/** How to deploy a template. */
export interface DeployRequest {
  readonly publish: "deploy" | "push";
  /** Deploy even over a sandbox of that name that this program did not make. */
  readonly adopt: boolean;
  /** From before bl starts until the image is seen running, in ms. */
  readonly timeoutMs: number;
  /** Stores the state of an upload in progress, so that the next run resumes it. */
  readonly pendingFile: string;
  /** Start over: do not wait for the upload of an earlier run. */
  readonly force: boolean;
  /** Sandboxes that earlier versions of this template were deployed to, from the manifest: ours. */
  readonly knownSandboxes: readonly KnownSandbox[];
  /** The image of an earlier deploy of the same inputs: "nothing new" is then correct. */
  readonly knownImage: string | undefined;
  /** The image for Blaxel to import; undefined: it builds one from the rendered files. */
  readonly source: ImportSource | undefined;
  readonly onProgress: (message: string) => void;
  /** Called once, right before the first request that may create something on the platform. */
  readonly onSent: () => void;
}

/** One deploy: what was asked for, and where it goes. */
export interface DeployContext extends DeployRequest {
  readonly host: Host;
  readonly rendered: RenderedTemplate;
  /** Of the sandbox and of its image. */
  readonly name: string;
  readonly bl: Bl;
  readonly platform: Platform;
  readonly workspace: string;
  /** Absolute limit, ms since the epoch. */
  readonly deadline: number;
  /** Interval between requests to the platform, in ms. */
  readonly pollMs: number;
  /** How long the platform may show nothing new (DEPLOYED with the old image) before that is final, in ms. */
  readonly graceMs: number;
}

/** What is needed to watch a deploy that was sent. */
export type Watching = Pick<
  DeployContext,
  "host" | "name" | "platform" | "deadline" | "pollMs" | "graceMs" | "onProgress"
> & { readonly source: Pick<ImportSource, "reference"> | undefined };

/** Time left for the deploy in ms; at least a second, so that started work can report why it ends. */
export function timeLeft({ host, deadline }: DeployContext): number {
  return Math.max(1_000, deadline - host.clock.now());
}

/** Waits for an interval between requests (default: `pollMs`), but never beyond `until` (ms since the epoch). */
export function pause(
  { host, deadline, pollMs }: Watching,
  { until = deadline, ms = pollMs }: { readonly until?: number; readonly ms?: number } = {},
): Promise<void> {
  return host.clock.sleep(Math.max(0, Math.min(ms, until - host.clock.now())), host.signal);
}

/** The lines carry the platform's time, and clocks differ. */
const MARGIN_MS = 60_000;
const TRIES = 3;

/**
 * The last lines of the build log of an upload.
 * @param sentAt time of the upload, ms since the epoch; older lines are ignored
 * @param patient repeat the request while there is nothing: the platform's log is some seconds behind its status
 */
export async function lastLog(
  { host, platform, name, pollMs }: Watching,
  sentAt: number,
  patient = false,
): Promise<readonly string[]> {
  for (let tries = 1; ; tries += 1) {
    const lines = await platform.logLines(name, host.clock.now() - sentAt + MARGIN_MS);
    if (lines.length > 0 || !patient || tries >= TRIES) return lines;
    await host.clock.sleep(pollMs, host.signal);
  }
}

/** The end of a log for a message; "" for an empty log. */
export function lastIn(log: readonly string[]): string {
  return log.length === 0 ? "" : ` (last in its log: ${log.at(-1) ?? ""})`;
}

/**
 * What is at a place before something is sent there. Waits first while that is busy with another upload, whose result would be mistaken
 * for ours.
 * @throws `late` when the deploy's time is over
 */
export async function settled<T>(
  work: DeployContext,
  {
    look,
    waitsFor,
    late,
  }: {
    readonly look: () => Promise<T>;
    /** What it waits for, for people; undefined: it is settled. */
    readonly waitsFor: (seen: T) => string | undefined;
    /** The failure DEPLOY_UNDER_WAY (exit 7) when that takes too long. */
    readonly late: (seen: T) => Failure;
  },
): Promise<T> {
  for (let reported = false; ; reported = true) {
    const seen = await look();
    const busy = work.force ? undefined : waitsFor(seen);
    if (busy === undefined) return seen;
    if (!reported) work.onProgress(busy);
    if (work.host.clock.now() >= work.deadline) throw late(seen);
    await pause(work);
  }
}
