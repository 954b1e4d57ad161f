import type { Platform, SandboxState } from "../blaxel/platform";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { judge } from "./judge";

export interface WaitRequest {
  readonly name: string;
  readonly before: { readonly status: string; readonly image: string } | undefined;
  /** Whether a movement was already seen (a resumed wait). */
  readonly started: boolean;
  /** Absolute limit, ms since the epoch. */
  readonly deadline: number;
  readonly pollMs: number;
  readonly graceMs: number;
  readonly onProgress?: ((message: string) => void) | undefined;
}

export type Waited =
  | { readonly is: "deployed"; readonly sandbox: SandboxState }
  | { readonly is: "unchanged"; readonly sandbox: SandboxState };

/**
 * Looks at the sandbox until the deploy is through, failed, or the time is up. The first look is taken at once, so
 * that polling adds at most one interval to the platform's own time.
 * @throws Failure REMOTE_BUILD_FAILED, DEPLOY_TIMEOUT (exit 7), each with the build log's last lines
 */
export async function waitUntilDeployed(
  host: Host,
  platform: Platform,
  request: WaitRequest,
): Promise<Waited> {
  const begun = host.clock.now();
  let { started } = request;
  let shown = "";
  for (;;) {
    const sandbox = await platform.getSandbox(request.name);
    const elapsedMs = host.clock.now() - begun;
    const judgement = judge(
      { before: request.before, started, elapsedMs, graceMs: request.graceMs },
      sandbox,
    );
    if (sandbox !== undefined && sandbox.status !== shown) {
      shown = sandbox.status;
      request.onProgress?.(`Blaxel: ${shown}`);
    }
    if (judgement.is === "deployed" && sandbox !== undefined) return { is: "deployed", sandbox };
    if (judgement.is === "unchanged" && sandbox !== undefined) return { is: "unchanged", sandbox };
    if (judgement.is === "failed") {
      throw new Failure({
        code: "REMOTE_BUILD_FAILED",
        kind: "deploy",
        message: `Blaxel says ${judgement.status} for ${request.name}: the image was not built or does not start.`,
        log: await platform.logLines(request.name),
        hint: "Read the build log above (bl logs sandbox NAME). The same image was built and proven here, so look for what differs there: network, memory, [build] slim.",
      });
    }
    if (judgement.is === "waiting") started = judgement.started;
    const now = host.clock.now();
    if (now >= request.deadline) {
      throw new Failure({
        code: "DEPLOY_TIMEOUT",
        kind: "deploy",
        message: `${request.name} was not deployed in time: Blaxel says ${sandbox?.status ?? "that there is no such sandbox"}${started ? "" : ", and no build was seen to start"}.`,
        log: await platform.logLines(request.name),
        hint: "Nothing is lost: release again goes on waiting for the same upload. Give more time with --deploy-timeout.",
      });
    }
    await host.clock.sleep(Math.max(0, Math.min(request.pollMs, request.deadline - now)), host.signal);
  }
}
