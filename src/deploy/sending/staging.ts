import { mkdir, readdir, utimes, writeFile, chmod } from "node:fs/promises";
import { dirname, join } from "node:path";
import { brokenBl, dryRunAnswer, jsonIn, reasonIn } from "../../blaxel/bl-answers";
import { runBl, type Bl } from "../../blaxel/run-bl";
import { foldersOf, textOf, type RenderedFile, type RenderedTemplate } from "../../render/rendered";
import { Failure } from "../../support/errors";
import { timeLeft, type DeployContext, type ImportSource } from "../deploy-context";

/** Time of all staged files, so that the same files make the same zip (ZIP has no times before 1980). */
const STAGED_AT = new Date("2000-01-01T00:00:00Z");

/** Writes the project into a new folder beside bl's own: only our files, with fixed times and modes. */
export async function stageProject(rendered: RenderedTemplate, bl: Bl): Promise<string> {
  const folder = join(bl.folder, "project");
  await mkdir(folder, { mode: 0o700 });
  for (const file of rendered.files) {
    const path = join(folder, file.name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.contents, { flag: "wx" });
    await chmod(path, file.mode);
    await utimes(path, STAGED_AT, STAGED_AT);
  }
  const folders = rendered.files.flatMap(({ name }) => foldersOf(name));
  for (const below of [...new Set(folders)].reverse())
    await utimes(join(folder, below), STAGED_AT, STAGED_AT);
  await utimes(folder, STAGED_AT, STAGED_AT);
  return folder;
}

/**
 * Writes the project of an imported image: only blaxel.toml, with the image's reference at its top. The login goes into a file beside it.
 */
export async function stageImport(
  rendered: RenderedTemplate,
  bl: Bl,
  { reference, dockerConfig }: Pick<ImportSource, "reference" | "dockerConfig">,
): Promise<{ readonly folder: string; readonly login: readonly string[] }> {
  const folder = join(bl.folder, "project");
  await mkdir(folder, { mode: 0o700 });
  const toml = `image = "${reference}"\n${textOf(rendered.files, "blaxel.toml")}`;
  await writeFile(join(folder, "blaxel.toml"), toml, { flag: "wx" });
  if (dockerConfig === undefined) return { folder, login: [] };
  const file = join(bl.folder, "registry-login.json");
  await writeFile(file, dockerConfig, { flag: "wx", mode: 0o600 });
  return { folder, login: ["--docker-config", file] };
}

/** Options of every bl deploy: this env file does not exist, so that no .env becomes the sandbox's environment. */
export const NO_ENV_FILE = ["-e", "no-env-file-is-wanted"] as const;

/**
 * Compares the list of files that bl would upload with the expected one, before anything is sent. This reveals an ignore rule that matches
 * the folder, and additional files.
 * @throws Failure STAGING_MISMATCH (exit 7), BL_DRY_RUN, BL_NO_JSON, BL_PANIC, BL_HANGS (exit 3)
 */
export async function checkUploadList(
  work: DeployContext,
  folder: string,
  files: readonly RenderedFile[],
): Promise<void> {
  const what = "bl deploy --dryrun";
  const answer = await runBl(
    work.bl,
    ["deploy", "--dryrun", "-o", "json", "-y", "--skip-version-warning", ...NO_ENV_FILE],
    { cwd: folder, timeoutMs: Math.min(60_000, timeLeft(work)) },
  );
  const broken = brokenBl(answer, what);
  if (broken !== undefined) throw broken;
  const parsed = dryRunAnswer.safeParse(jsonIn(answer.stdout));
  if (answer.exitCode !== 0 || !parsed.success) {
    throw new Failure({
      code: answer.exitCode === 0 ? "BL_NO_JSON" : "BL_DRY_RUN",
      kind: "environment",
      message: `${what} ${answer.ending}${answer.exitCode === 0 ? " without JSON" : ""}, so it is not known what it would send: ${reasonIn(answer)}`,
      log: answer.lastLines,
      hint: "Check with bl --version that this is the real bl, and update it.",
    });
  }
  const wrong = uploadDifferences(files, parsed.data.files ?? []);
  if (wrong.length === 0) return;
  const left = await readdir(folder);
  throw new Failure({
    code: "STAGING_MISMATCH",
    kind: "deploy",
    message: `bl would not upload exactly ${files.length === 0 ? "nothing, as for an image that Blaxel imports" : "the rendered files"}: ${wrong.join(", ")}.`,
    log: [`staged: ${left.sort().join(" ")}`],
    hint: "Check the template's .blaxelignore: bl matches each line as a prefix, anywhere in the path. Importing an image needs bl 0.1.93 or newer.",
  });
}

/** Differences between the files to upload and bl's list, which never contains .env.build. */
export function uploadDifferences(
  files: readonly Pick<RenderedFile, "name" | "contents">[],
  named: readonly { readonly name: string; readonly size: number }[],
): readonly string[] {
  const would = new Map(
    named.filter(({ name }) => !name.endsWith("/")).map(({ name, size }) => [name, size]),
  );
  const must = new Map(
    files.filter(({ name }) => name !== ".env.build").map(({ name, contents }) => [name, contents.length]),
  );
  return [
    ...[...must].flatMap(([name, size]) => {
      const other = would.get(name);
      if (other === undefined) return [`${name} would be left out`];
      return other === size
        ? []
        : [`${name} would be uploaded with ${String(other)} bytes instead of ${String(size)}`];
    }),
    ...[...would.keys()]
      .filter((name) => !must.has(name))
      .map((name) => `${name} is not one of the rendered files`),
  ];
}
