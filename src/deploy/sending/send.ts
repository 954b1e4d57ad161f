import { brokenBl, deployAnswer, jsonIn, reasonIn } from "../../blaxel/bl-answers";
import { isPassing, refusal } from "../../blaxel/refusals";
import { runBl, type BlAnswer } from "../../blaxel/run-bl";
import { Failure } from "../../support/errors";
import { markOf, OWNERSHIP_VARIABLE } from "./ownership";
import { NO_ENV_FILE } from "./staging";
import { timeLeft, type DeployContext } from "../deploy-context";

/** Retries of a send that a gateway or the network cut off (each run of bl makes three attempts itself). */
const RETRIES = 2;
/** With less time than this left, in ms, the last error is more useful than another attempt. */
const WORTH_MS = 5_000;

/** Runs bl until the platform accepts the upload or refuses it; retries after gateway errors. */
async function sent(
  work: DeployContext,
  what: string,
  folder: string,
  args: () => readonly string[],
  { extraMs = 0, onLine }: { readonly extraMs?: number; readonly onLine?: (line: string) => void } = {},
): Promise<{ readonly answer: BlAnswer; readonly reason: string | undefined }> {
  const { host, bl } = work;
  for (let attempt = 0; ; attempt += 1) {
    const answer = await runBl(bl, args(), { cwd: folder, timeoutMs: timeLeft(work) + extraMs, onLine });
    const broken = brokenBl(answer, what);
    if (broken !== undefined) throw broken;
    const reason = refusedFor(answer)?.trim();
    const backoffMs = 2_000 * 2 ** attempt;
    const again =
      reason !== undefined &&
      isPassing(reason) &&
      !isUploadRefusal(reason) &&
      attempt < RETRIES &&
      timeLeft(work) > backoffMs + WORTH_MS;
    if (!again) return { answer, reason };
    work.onProgress(`${reason}; sending it again`);
    await host.clock.sleep(backoffMs, host.signal);
  }
}

/** bl's reason for failing; undefined if it did not fail. */
function refusedFor(answer: BlAnswer): string | undefined {
  const parsed = deployAnswer.safeParse(jsonIn(answer.stdout));
  if (answer.exitCode === 0 && (!parsed.success || parsed.data.success)) return undefined;
  const resourceError = parsed.success
    ? parsed.data.resources.find((entry) => entry.error)?.error
    : undefined;
  return resourceError ?? reasonIn(answer);
}

/**
 * Runs `bl deploy`. Its return means only that the upload was accepted.
 * @param login options that name the file with a registry's login
 * @throws Failure UPLOAD_REFUSED, BLAXEL_QUOTA, DEPLOY_FAILED … (exit 7), BLAXEL_UNAUTHORIZED, BLAXEL_FORBIDDEN, BL_PANIC, BL_NO_JSON,
 * BL_HANGS (exit 3)
 */
export async function sendDeploy(
  work: DeployContext,
  folder: string,
  login: readonly string[] = [],
): Promise<void> {
  const { name, rendered } = work;
  const what = `bl deploy of ${name}`;
  const { answer, reason } = await sent(work, what, folder, () => [
    ...["deploy", "-y", "-o", "json", "--skip-version-warning", "-t", "sandbox", ...NO_ENV_FILE],
    ...["-s", `${OWNERSHIP_VARIABLE}=${markOf(rendered)}`],
    ...login,
  ]);
  if (reason !== undefined) throw sendRefusal(what, answer, reason);
  const parsed = deployAnswer.safeParse(jsonIn(answer.stdout));
  if (!parsed.success) {
    throw new Failure({
      code: "BL_NO_JSON",
      kind: "environment",
      message: `${what} exited with 0 but printed no JSON, so it is not known what it did: ${reasonIn(answer)}`,
      log: answer.lastLines,
      hint: "Check with bl --version that this is the real bl, and update it.",
    });
  }
  if (parsed.data.resources.some((entry) => entry.name === name)) return;
  throw new Failure({
    code: "DEPLOY_OTHER_NAME",
    kind: "deploy",
    message: `bl deployed ${parsed.data.resources.map((entry) => entry.name ?? "?").join(", ") || "nothing"} instead of ${name}.`,
    log: answer.lastLines,
    hint: "Check name in blaxel.toml; bl rewrites names that Blaxel does not accept.",
  });
}

/** bl's own limit comes first, so that it ends with its own message. */
const PUSH_MARGIN_MS = 5_000;

/**
 * Runs `bl push`. It waits for BUILT or FAILED, but also accepts what is left over from the previous push, so neither is proof.
 * @param onUploaded called once bl reports the end of the upload (its line "Upload completed")
 * @returns bl's result of the build
 * @throws Failure as sendDeploy, and DEPLOY_TIMEOUT (exit 7)
 */
export async function sendPush(
  work: DeployContext,
  folder: string,
  onUploaded: () => void,
): Promise<"built" | "failed"> {
  const { name, platform } = work;
  const what = `bl push of ${name}`;
  const { answer, reason } = await sent(
    work,
    what,
    folder,
    () => [
      ...["push", "-y", "-t", "sandbox", "-n", name, "--skip-version-warning"],
      ...["--timeout", `${String(Math.round(timeLeft(work) / 1000))}s`],
    ],
    {
      extraMs: PUSH_MARGIN_MS,
      onLine: (line) => {
        if (line.trim() === "Upload completed") onUploaded();
      },
    },
  );
  if (reason === undefined) return "built";
  if (reason === "image build failed") return "failed";
  if (reason.startsWith("build timed out after")) {
    // bl 0.1.108 waits on while Blaxel refuses its requests, and says nothing: this request says it.
    await platform.getImage(name);
    throw new Failure({
      code: "DEPLOY_TIMEOUT",
      kind: "deploy",
      message: `${what} did not finish in time: ${reason}.`,
      log: answer.lastLines,
      hint: "Release again: it looks for this push's image first. Allow more time with --deploy-timeout.",
    });
  }
  throw sendRefusal(what, answer, reason);
}

/** bl 0.1.108's messages for a refused upload; "upload" alone is not enough, because every request's URL contains it. */
function isUploadRefusal(reason: string): boolean {
  return /failed to upload|upload failed|no upload URL/iu.test(reason);
}

function sendRefusal(what: string, answer: BlAnswer, reason: string): Failure {
  if (!isUploadRefusal(reason))
    return refusal(`${what} ${answer.ending}: ${reason}`, reason, answer.lastLines);
  return new Failure({
    code: "UPLOAD_REFUSED",
    kind: "deploy",
    message: `${what} could not upload: ${reason}`,
    log: answer.lastLines,
    hint: "The upload's address and storage belong to Blaxel. Your key is not the reason, even if bl says so. Try again in a few minutes.",
  });
}
