import { deployAnswer } from "../blaxel/answers";
import { jsonIn } from "../blaxel/bl-json";
import type { BlProgram } from "../blaxel/bl-program";
import { refusalFailure } from "../blaxel/refusals";
import { runBl, type BlAnswer, type BlSession } from "../blaxel/run-bl";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { NO_ENV_FILE } from "./staging";

/** Environment variable of every sandbox this program deploys: how it knows its own again. */
export const OWNER_MARK = "MESA_TEMPLATE";

interface SendRequest {
  readonly name: string;
  readonly template: string;
  readonly folder: string;
  readonly timeoutMs: number;
}

/**
 * Runs `bl deploy` once. That it returns means only that the upload was taken.
 * @throws Failure UPLOAD_REFUSED, DEPLOY_REFUSED … (exit 7), BLAXEL_UNAUTHORIZED, BLAXEL_FORBIDDEN, BL_PANIC, BL_NO_JSON, BL_HANGS (exit 3)
 */
export async function sendDeploy(
  host: Host,
  bl: BlProgram,
  session: BlSession,
  request: SendRequest,
): Promise<void> {
  const args = [
    "deploy",
    "-y",
    "-o",
    "json",
    "--skip-version-warning",
    "-t",
    "sandbox",
    ...NO_ENV_FILE,
    "-s",
    `${OWNER_MARK}=${request.template}`,
  ];
  const answer = await runBl(host, bl.path, session, args, {
    cwd: request.folder,
    timeoutMs: request.timeoutMs,
  });
  refuseBrokenBl(answer, `bl deploy of ${request.name}`);
  const parsed = deployAnswer.safeParse(jsonIn(answer.stdout));
  const text = `${answer.stdout}\n${answer.stderr}`;
  if (answer.exitCode !== 0 || (parsed.success && !parsed.data.success))
    throw deployRefusal(
      request.name,
      answer,
      parsed.success ? parsed.data.resources[0]?.error : undefined,
      text,
    );
  if (!parsed.success) {
    throw new Failure({
      code: "BL_NO_JSON",
      kind: "environment",
      message: `bl deploy of ${request.name} exited with 0 but printed no JSON, so it is not known what it did.`,
      log: answer.lastLines,
      hint: "Is that the real bl? Check with bl --version, and update it.",
    });
  }
  const resource = parsed.data.resources.find((entry) => entry.name === request.name);
  if (resource === undefined) {
    throw new Failure({
      code: "DEPLOY_OTHER_NAME",
      kind: "deploy",
      message: `bl deployed ${parsed.data.resources.map((entry) => entry.name ?? "?").join(", ") || "nothing"} instead of ${request.name}.`,
      log: answer.lastLines,
      hint: "Check name in blaxel.toml; bl rewrites what Blaxel does not take.",
    });
  }
}

/** Runs `bl push` once: it waits for BUILT or FAILED by itself, but believes what is left over from the push before. */
export async function sendPush(
  host: Host,
  bl: BlProgram,
  session: BlSession,
  request: SendRequest,
): Promise<void> {
  const args = [
    "push",
    "-y",
    "-t",
    "sandbox",
    "-n",
    request.name,
    "--timeout",
    `${String(Math.max(1, Math.round(request.timeoutMs / 1000)))}s`,
    "--skip-version-warning",
  ];
  const answer = await runBl(host, bl.path, session, args, {
    cwd: request.folder,
    timeoutMs: request.timeoutMs + 5_000,
  });
  refuseBrokenBl(answer, `bl push of ${request.name}`);
  if (answer.exitCode !== 0)
    throw deployRefusal(request.name, answer, undefined, `${answer.stdout}\n${answer.stderr}`, "bl push");
}

function refuseBrokenBl(answer: BlAnswer, what: string): void {
  if (answer.timedOut) {
    throw new Failure({
      code: "BL_HANGS",
      kind: "environment",
      message: `${what} ${answer.ending} without an end.`,
      log: answer.lastLines,
      hint: "Blaxel or the network swallows requests, or bl is broken; try again, give more time with --deploy-timeout.",
    });
  }
  if (answer.exitCode === 2 || /^panic: |^goroutine \d+ \[/mu.test(answer.stderr)) {
    throw new Failure({
      code: "BL_PANIC",
      kind: "environment",
      message: `${what} ended in a panic of bl (${answer.ending}).`,
      log: answer.lastLines,
      hint: "Update bl; if it happens again, report it with the lines above.",
    });
  }
}

function deployRefusal(
  name: string,
  answer: BlAnswer,
  said: string | undefined,
  text: string,
  what = "bl deploy",
): Failure {
  if (/upload/iu.test(said ?? text) && /failed|refused|403|status/iu.test(said ?? text)) {
    return new Failure({
      code: "UPLOAD_REFUSED",
      kind: "deploy",
      message: `${what} of ${name} could not upload: ${said ?? refusalFailure("", "", text, []).message.replace(/^\s*:\s*/u, "")}`,
      log: answer.lastLines,
      hint: "The upload address was refused several times; try again in some minutes.",
    });
  }
  return refusalFailure(`${what} of ${name}`, answer.ending, said ?? text, answer.lastLines);
}
