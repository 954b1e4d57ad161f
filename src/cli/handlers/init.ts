import { readFile, stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { initFiles, type InitFile } from "../init/files";
import { packageFolder } from "../init/package-folder";
import { initStep, type InitStep } from "../init/plan";
import { hasErrno } from "../../support/errors";
import { EXIT_CODES } from "../../support/exit-codes";
import { listFiles, readIfPresent, writeAtomically } from "../../support/files";

export const run: CommandHandler = async (args, { startFolder, dryRun }) => {
  const folder = resolve(startFolder, args.text("dir") ?? ".");
  await refuseNoFolder(folder);
  const files = await wantedFiles(packageFolder(import.meta.url));
  const steps = await Promise.all(
    files.map(async (file) => initStep(file, await whatIsThere(folder, file), args.flag("force"))),
  );
  const conflicts = steps.filter(({ outcome }) => outcome === "conflict").map(({ path }) => path);
  if (conflicts.length > 0)
    throw wrongUsage(
      `${folder} holds ${conflicts.length === 1 ? "a file" : "files"} of another content: ${conflicts.join(", ")}. Nothing was written.`,
      "Move them away, or write over them with --force.",
    );
  if (!dryRun)
    for (const { path, contents } of steps)
      if (contents !== undefined) await writeAtomically(join(folder, path), contents);
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, dryRun, dir: folder, files: steps.map(({ path, outcome }) => ({ path, outcome })) },
    text: report(folder, steps, dryRun),
  };
};

/** @throws Failure USAGE (exit 2) when something that is no folder has this name */
async function refuseNoFolder(folder: string): Promise<void> {
  try {
    if (!(await stat(folder)).isDirectory()) throw wrongUsage(`${folder} is not a folder.`);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
  }
}

async function wantedFiles(own: string): Promise<readonly InitFile[]> {
  const { version } = JSON.parse(await readFile(join(own, "package.json"), "utf8")) as { version: string };
  const folder = join(own, "templates");
  const templates = await Promise.all(
    (await listFiles(folder)).map(async ({ path }) => [path, await readFile(join(folder, path))] as const),
  );
  const workflow = (name: string): Promise<string> =>
    readFile(join(own, ".github/workflows", `${name}.yml`), "utf8");
  const [release, upgrade, renovate, preset] = await Promise.all([
    workflow("release"),
    workflow("upgrade"),
    workflow("renovate"),
    readFile(join(own, "renovate.json"), "utf8"),
  ]);
  return initFiles(new Map(templates), { release, upgrade, renovate, preset }, version);
}

/** What stands where a file would be written, or where the same thing may stand. */
async function whatIsThere(folder: string, { path, orAt = [] }: InitFile): Promise<Uint8Array | undefined> {
  for (const one of [path, ...orAt]) {
    const found = await readIfPresent(join(folder, one));
    if (found !== undefined) return found;
  }
  return undefined;
}

const SAYS: Readonly<Record<InitStep["outcome"], string>> = {
  written: "write",
  overwritten: "write over",
  "added-to": "add to",
  kept: "keep",
  conflict: "conflict",
};

function report(folder: string, steps: readonly InitStep[], dryRun: boolean): string {
  const list = steps.map(({ path, outcome }) => `${SAYS[outcome].padEnd(10)}  ${path}\n`).join("");
  if (dryRun) return list;
  const ownPackage = steps.find(({ path }) => path === "package.json")?.outcome === "kept";
  const where = relative(process.cwd(), folder);
  const next = [
    ...(where === "" ? [] : [`cd ${where}`]),
    ...(ownPackage ? ["npm install --save-dev mesa-blaxel-templates"] : []),
    "make doctor",
    "make template MESA_VERSION=0.26.0",
  ];
  return `${list}\nNext:\n${next.map((line) => `  ${line}\n`).join("")}`;
}
