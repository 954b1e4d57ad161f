import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { hasErrno, wrongUsage } from "../../support/errors";
import { namesIn, readIfPresent, textNow, writeAtomically } from "../../support/files/files";
import { refuseLinks } from "../../support/files/links";
import { parsedJson, valueAt } from "../../support/text/parsed-json";
import { quoted } from "../../support/text/quoted";
import { isName } from "../../manifest/entry";
import type { CommandHandler } from "../command";
import { refuseBadName } from "../template-folders";
import { copied, type InitFile, type InitStep, initStep, repositoryFiles } from "../init-files";

export const run: CommandHandler = async (args, { startFolder, dryRun, templates }) => {
  const dir = args.text("dir");
  // DIR is relative to the working folder, even where MESA_TEMPLATE_ROOT is set.
  const folder = dir === undefined ? startFolder : resolve(dir);
  await refuseNoFolder(folder);
  const own = packageFolder();
  const [template, ...more] = templates ?? [];
  if (more.length > 0) throw wrongUsage("init writes one template at a time: --template NAME.");
  if (template === undefined && args.text("from") !== undefined)
    throw wrongUsage("--from names what --template NAME copies.", "Give both.");
  const begun = (await readIfPresent(join(folder, "templates/upstream.toml"))) !== undefined;
  const files = [
    ...(template !== undefined && begun ? [] : await repositoryFiles(own)),
    ...(template === undefined ? [] : await templateFiles(folder, own, template, args.text("from"))),
  ];
  const steps = await Promise.all(
    files.map(async (file) => initStep(file, await whatIsThere(folder, file), args.flag("force"))),
  );
  const conflicts = steps.filter(({ outcome }) => outcome === "conflict").map(({ path }) => path);
  if (conflicts.length > 0)
    throw wrongUsage(
      `${conflicts.join(", ")} already ${conflicts.length === 1 ? "exists" : "exist"} with different content in ${folder}. Nothing was written.`,
      "Choose another name, or overwrite with --force.",
    );
  for (const { path, contents } of steps)
    if (contents !== undefined) await refuseLinks(folder, join(folder, path));
  if (!dryRun)
    for (const { path, contents, mode } of steps)
      if (contents !== undefined) await writeAtomically(join(folder, path), contents, mode);
  return {
    json: { dryRun, dir: folder, files: steps.map(({ path, outcome }) => ({ path, outcome })) },
    text: stepsText(steps) + (dryRun ? "" : nextText(folder, steps, template)),
  };
};

/** @throws Failure USAGE (exit 2) if this name exists and is not a folder */
async function refuseNoFolder(folder: string): Promise<void> {
  try {
    if (!(await stat(folder)).isDirectory()) throw wrongUsage(`${folder} is not a folder.`);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
  }
}

/**
 * A new template's files: a copy of one of the repository, of the package, or of its examples.
 * @throws Failure USAGE (exit 2)
 */
async function templateFiles(
  folder: string,
  own: string,
  name: string,
  from: string | undefined,
): Promise<readonly InitFile[]> {
  refuseBadName(name);
  const places = [join(folder, "templates"), join(own, "templates"), join(own, "examples")];
  const sources = (from === undefined ? [name, "debian"] : [from]).filter(isName);
  const found = sources
    .flatMap((source) => places.map((place) => join(place, source)))
    .find((below) => resolve(below) !== resolve(folder, "templates", name) && isTemplate(below));
  if (found !== undefined) return copied(found, `templates/${name}`, "new");
  const names = await Promise.all(
    ["templates", "examples"].map(async (place) =>
      (await namesIn(join(own, place))).filter((one) => isTemplate(join(own, place, one))),
    ),
  );
  throw wrongUsage(
    `There is no template or example ${from ?? name} to copy.`,
    `The package has: ${names.flat().join(", ")}.`,
  );
}

function isTemplate(folder: string): boolean {
  return existsSync(join(folder, "template.toml"));
}

/** What already exists at the file's path or at one of its alternatives. */
async function whatIsThere(folder: string, { path, orAt = [] }: InitFile): Promise<Buffer | undefined> {
  for (const one of [path, ...orAt]) {
    const found = await readIfPresent(join(folder, one));
    if (found !== undefined) return found;
  }
  return undefined;
}

const PACKAGE = "mesa-blaxel-templates";

function isPackage(folder: string): boolean {
  return valueAt(parsedJson(textNow(join(folder, "package.json"))), ["name"]) === PACKAGE;
}

/**
 * The folder of this program's package: an installed package or a checkout.
 * @throws Error if there is none above this file, which means a broken installation
 */
function packageFolder(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (isPackage(folder)) return folder;
    if (dirname(folder) === folder)
      throw new Error("mesa-template's own package.json was not found above its program");
  }
}

const SAYS: Readonly<Record<InitStep["outcome"], string>> = {
  written: "write",
  overwritten: "overwrite",
  "added-to": "add to",
  kept: "unchanged",
  "left-alone": "leave",
  conflict: "conflict",
};

function leftAlone(steps: readonly InitStep[]): readonly string[] {
  return steps.filter(({ outcome }) => outcome === "left-alone").map(({ path }) => path);
}

function stepsText(steps: readonly InitStep[]): string {
  const left = leftAlone(steps).join(", ");
  const list = steps.map(({ path, outcome }) => `${SAYS[outcome].padEnd(10)}  ${path}\n`).join("");
  return left === "" ? list : `${list}\nLeft alone, because they exist with different content: ${left}.\n`;
}

function nextText(folder: string, steps: readonly InitStep[], template: string | undefined): string {
  // A root of its own, such as the demo's, has neither: the program that runs now releases it.
  const isBare = !["Makefile", "package.json"].some((name) => existsSync(join(folder, name)));
  const make = isBare
    ? "mesa-template"
    : leftAlone(steps).includes("Makefile")
      ? "npx --no-install mesa-template"
      : "make";
  const isInstalled = isPackage(folder) || existsSync(join(folder, "node_modules", PACKAGE, "package.json"));
  const hasWorkflows = steps.some(({ path }) => path.startsWith(".github/"));
  const where = relative(process.cwd(), folder);
  const next: string[] = [];
  if (where !== "") next.push(`cd ${quoted(where)}`);
  if (hasWorkflows && !existsSync(join(folder, ".git")))
    next.push("git init   (GitHub reads the workflows only at the top of a repository)");
  if (!isInstalled && !isBare)
    next.push(
      "npm pack PATH/TO/mesa-template   (a clone; commit the file that this writes)",
      "npm install --save-dev ./mesa-blaxel-templates-*.tgz",
    );
  next.push(
    template === undefined
      ? `${make} doctor`
      : `edit templates/${template}/Dockerfile.hbs, at "Your own steps"`,
  );
  const release = make === "make" ? "make template MESA_VERSION=0.26.0" : `${make} release 0.26.0`;
  const only = make === "make" ? ` ARGS="--template ${template ?? ""}"` : ` --template ${template ?? ""}`;
  next.push(release + (template === undefined ? "" : only));
  return `\nNext:\n${next.map((line) => `  ${line}\n`).join("")}`;
}
