import { nextPause, waitForAnswer } from "../../blaxel/answering";
import type { SandboxState } from "../../blaxel/platform";
import { Failure } from "../../support/errors";
import { lastIn, lastLog, pause, type Watching } from "../deploy-context";
import { OWNERSHIP_VARIABLE } from "../sending/ownership";
import { judge } from "./judge";

/** The upload whose result is waited for. */
export interface Sent {
  /** State before it; undefined: there was no sandbox. */
  readonly before: { readonly status: string; readonly image: string } | undefined;
  /** Its time, ms since the epoch; older lines of the log are ignored. */
  readonly sentAt: number;
}

export interface Waited {
  /** unchanged: the platform continues with the previous image. */
  readonly is: "deployed" | "unchanged";
  readonly sandbox: SandboxState;
  /** Whether a build was seen since, and the program's mark, which Blaxel might hide. */
  readonly building: boolean;
  readonly marked: boolean;
}

/** Failures of one request that say nothing about the deploy; the next may succeed. */
const PASSING = new Set(["BLAXEL_GATEWAY", "BLAXEL_UNREACHABLE", "BL_HANGS"]);

/**
 * Polls the sandbox until the deploy succeeds, fails or times out: at once, often at first, then once per interval.
 * @throws Failure REMOTE_BUILD_FAILED, IMPORT_FAILED, SANDBOX_ENDED, BUILD_NOT_STARTED, DEPLOY_TIMEOUT (exit 7), each with its log
 */
export async function waitUntilDeployed(work: Watching, { before, sentAt }: Sent): Promise<Waited> {
  const { host, deadline, pollMs, graceMs } = work;
  const startedAt = host.clock.now();
  let [started, building, marked, shown] = [false, false, false, ""];
  for (;;) {
    const sandbox = await observe(work);
    marked ||= sandbox !== "unseen" && sandbox !== undefined && OWNERSHIP_VARIABLE in sandbox.envs;
    const elapsedMs = host.clock.now() - startedAt;
    const watch = { before, started, building, elapsedMs, graceMs };
    const judgement =
      sandbox === "unseen" ? ({ is: "waiting", started, building } as const) : judge(watch, sandbox);
    const status = sandbox === "unseen" ? "nothing" : (sandbox?.status ?? "that there is no such sandbox");
    if (status !== shown && sandbox !== "unseen" && sandbox !== undefined) {
      shown = status;
      work.onProgress(`Blaxel: ${shown}`);
    }
    if (judgement.is === "failed") throw failed(work, judgement.status, await lastLog(work, sentAt, true));
    if (judgement.is === "stuck") throw stuck(work, status, elapsedMs, await lastLog(work, sentAt));
    if (judgement.is !== "waiting") {
      if (sandbox !== "unseen" && sandbox !== undefined)
        return { is: judgement.is, sandbox, building, marked };
    } else ({ started, building } = judgement);
    if (host.clock.now() >= deadline) throw late(work, status, started, await lastLog(work, sentAt));
    await pause(work, { ms: nextPause(elapsedMs, pollMs) });
  }
}

/** One request. A gateway error does not end the wait, only the deadline does. */
async function observe({
  host,
  platform,
  name,
  deadline,
  onProgress,
}: Watching): Promise<SandboxState | "unseen" | undefined> {
  try {
    return await platform.getSandbox(name);
  } catch (error) {
    if (!(error instanceof Failure) || !PASSING.has(error.code) || host.clock.now() >= deadline) throw error;
    onProgress(error.message);
    return "unseen";
  }
}

function failed({ name, source }: Watching, status: string, log: readonly string[]): Failure {
  const last = lastIn(log);
  if (status !== "FAILED")
    return new Failure({
      code: "SANDBOX_ENDED",
      kind: "deploy",
      message: `The sandbox ${name} was deleted or ended during this deploy: Blaxel says ${status}${last}.`,
      log,
      hint: "Find out who ended it: another program, a person, or its ttl in blaxel.toml. Then release again.",
    });
  if (source !== undefined)
    return new Failure({
      code: "IMPORT_FAILED",
      kind: "deploy",
      message: `Blaxel says ${status} for ${name}: it did not import ${source.reference}, or the imported image does not start${last}.`,
      log,
      hint: /unauthorized|denied|forbidden|authentication required/iu.test(log.at(-1) ?? "")
        ? "The registry refuses Blaxel. Log in here with an access token that may read the repository (docker login), set private = true under [publish] in upstream.toml, and release again; or make the repository public."
        : /manifest.unknown|not found|no such manifest/iu.test(log.at(-1) ?? "")
          ? "The registry does not show the image to Blaxel: a retention rule removed it, or the repository is private (private = true under [publish] in upstream.toml). If it is gone, release with --force to build, prove and push it again."
          : "Blaxel must reach the registry, under the name in [publish] registry. The image passed its checks here, and the registry has it.",
    });
  return new Failure({
    code: "REMOTE_BUILD_FAILED",
    kind: "deploy",
    message: `Blaxel says ${status} for ${name}: the image was not built or does not start${last}.`,
    log,
    hint: `Read the build log above (bl logs sandbox ${name}). The same image was built and proven here, so look for differences there: network, memory, [build] slim.`,
  });
}

function stuck({ name }: Watching, status: string, elapsedMs: number, log: readonly string[]): Failure {
  return new Failure({
    code: "BUILD_NOT_STARTED",
    kind: "deploy",
    message: `bl deploy of ${name} exited with 0, but ${String(Math.round(elapsedMs / 1000))} s later Blaxel says ${status}: the upload did not arrive (bl reports nothing when Blaxel gives it no upload address), or its build did not start.`,
    log,
    hint: "Release again to send it again. If that fails too, Blaxel's builder is not accepting builds; see its status page.",
  });
}

function late({ name }: Watching, status: string, started: boolean, log: readonly string[]): Failure {
  return new Failure({
    code: "DEPLOY_TIMEOUT",
    kind: "deploy",
    message: `${name} was not deployed in time: Blaxel says ${status}${started ? "" : ", and no build was seen to start"}.`,
    log,
    hint: "Nothing is lost: the next release resumes the same upload (--force starts a new one). Raise the limit with --deploy-timeout.",
  });
}

/** Time limit for the API to respond after DEPLOYED, in ms; a starting sandbox takes seconds. */
const HEALTH_MS = 60_000;

/**
 * Waits until the deployed sandbox's API responds, because DEPLOYED alone does not prove that the new image runs.
 * @param sentAt time of the upload, ms since the epoch
 * @throws Failure SANDBOX_UNHEALTHY (exit 7) with the last answer and the sandbox's log
 */
export async function waitUntilHealthy(work: Watching, sandbox: SandboxState, sentAt: number): Promise<void> {
  const { host, platform, name, pollMs } = work;
  const until = Math.min(work.deadline, host.clock.now() + HEALTH_MS);
  const log = (): Promise<readonly string[]> => lastLog(work, sentAt);
  let { url } = sandbox;
  while (url === undefined) {
    if (host.clock.now() >= until) throw unhealthy(name, "Blaxel names no address for it", await log());
    await pause(work, { until });
    url = (await platform.getSandbox(name))?.url;
  }
  const last = await waitForAnswer(host, url, {
    until,
    pollMs,
    onSeen: (seen) => {
      work.onProgress(`sandbox-api: ${seen}`);
    },
  });
  if (last !== undefined)
    throw unhealthy(name, `its API is not responding (last answer: ${last})`, await log());
}

/** The failure for a sandbox that exists and does not respond. */
function unhealthy(name: string, seen: string, log: readonly string[]): Failure {
  return new Failure({
    code: "SANDBOX_UNHEALTHY",
    kind: "deploy",
    message: `The sandbox ${name} exists, but ${seen}${lastIn(log)}.`,
    log,
    hint: `The entrypoint must keep sandbox-api running in the foreground; bl logs sandbox ${name} shows why it exited.`,
  });
}
