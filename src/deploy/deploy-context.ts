import type { BlProgram } from "../blaxel/bl-program";
import type { Platform } from "../blaxel/platform";
import type { BlSession } from "../blaxel/run-bl";
import type { RenderedTemplate } from "../render/rendered";
import type { Host } from "../support/host";
import type { DeployOptions } from "./options";

/** The context of one deploy. */
export interface DeployContext {
  readonly host: Host;
  readonly rendered: RenderedTemplate;
  readonly options: DeployOptions;
  /** Of the sandbox and of its image. */
  readonly name: string;
  readonly bl: BlProgram;
  readonly session: BlSession;
  readonly platform: Platform;
  readonly workspace: string;
  /** Absolute limit, ms since the epoch. */
  readonly deadline: number;
  /** Interval between requests to the platform, in ms. */
  readonly pollMs: number;
  /** How long the platform may show nothing new before that is final, in ms. */
  readonly graceMs: number;
}

/** Time left for the deploy in ms; at least a second, so that started work can report why it ends. */
export function timeLeft({ host, deadline }: DeployContext): number {
  return Math.max(1_000, deadline - host.clock.now());
}
