import { mkdir, readdir, utimes, writeFile, chmod } from "node:fs/promises";
import { join } from "node:path";
import type { BlSession } from "../blaxel/run-bl";
import { runBl } from "../blaxel/run-bl";
import { dryRunAnswer } from "../blaxel/answers";
import { jsonIn } from "../blaxel/bl-json";
import type { RenderedTemplate } from "../render/rendered";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";

/** All staged files carry this time: the same files make the same zip (ZIP knows no time before 1980). */
const STAGED_AT = new Date("2000-01-01T00:00:00Z");

/** Writes the project into a fresh folder beside the session's others: only our files, fixed times and modes. */
export async function stageProject(rendered: RenderedTemplate, session: BlSession): Promise<string> {
  const folder = join(session.neutral, "..", "project");
  await mkdir(folder, { mode: 0o700 });
  for (const file of rendered.files) {
    const path = join(folder, file.name);
    await writeFile(path, file.contents, { flag: "wx" });
    await chmod(path, file.mode);
    await utimes(path, STAGED_AT, STAGED_AT);
  }
  await utimes(folder, STAGED_AT, STAGED_AT);
  return folder;
}

/** Options of every bl deploy: the env file names nothing, so that no .env becomes the sandbox's environment. */
export const NO_ENV_FILE = ["-e", "no-env-file-is-wanted"] as const;

/**
 * Lets bl say what it would upload, and holds it against what must be in the upload. An ignore rule that swallows the
 * folder, or a file that crept in, is seen here, before anything is sent.
 * @throws Failure STAGING_MISMATCH (exit 7), BL_NO_JSON (exit 3)
 */
export async function checkUploadList(
  host: Host,
  bl: string,
  session: BlSession,
  folder: string,
  rendered: RenderedTemplate,
): Promise<void> {
  const answer = await runBl(
    host,
    bl,
    session,
    ["deploy", "--dryrun", "-o", "json", "-y", "--skip-version-warning", ...NO_ENV_FILE],
    { cwd: folder, timeoutMs: 60_000 },
  );
  const parsed = dryRunAnswer.safeParse(jsonIn(answer.stdout));
  if (answer.exitCode !== 0 || !parsed.success) {
    throw new Failure({
      code: answer.timedOut ? "BL_HANGS" : answer.exitCode === 2 ? "BL_PANIC" : "BL_NO_JSON",
      kind: "environment",
      message: `bl deploy --dryrun ${answer.ending}${answer.exitCode === 0 ? " without JSON" : ""}, so it is not known what it would send.`,
      log: answer.lastLines,
      hint: "Is that the real bl? Check with bl --version, and update it.",
    });
  }
  const would = parsed.data.files
    .filter((file) => !file.name.endsWith("/"))
    .map((file) => file.name)
    .sort();
  const must = rendered.files
    .map((file) => file.name)
    .filter((name) => name !== ".env.build")
    .sort();
  const missing = must.filter((name) => !would.includes(name));
  const extra = would.filter((name) => !must.includes(name));
  if (missing.length === 0 && extra.length === 0) return;
  const left = await readdir(folder);
  throw new Failure({
    code: "STAGING_MISMATCH",
    kind: "deploy",
    message: `bl would not upload exactly the rendered files:${missing.length === 0 ? "" : ` ${missing.join(", ")} would be left out`}${extra.length === 0 ? "" : ` ${extra.join(", ")} would come along`}.`,
    log: [`staged: ${left.sort().join(" ")}`],
    hint: "Check the template's .blaxelignore: bl matches its lines as prefixes and anywhere in the path.",
  });
}
