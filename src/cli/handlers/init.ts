import { existsSync, readFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { hasErrno, wrongUsage } from "../../support/errors";
import { listFiles, readIfPresent, writeAtomically } from "../../support/files/files";
import { isName } from "../../manifest/entry";
import type { CommandHandler } from "../command";
import { refuseBadName } from "../template-folders";
import { type InitFile, initFiles, type InitStep, initStep, TEAM_WORKFLOWS } from "../init-files";

export const run: CommandHandler = async (args, { startFolder, dryRun, templates }) => {
  const dir = args.text("dir");
  // DIR is relative to the working folder, even where MESA_TEMPLATE_ROOT is set.
  const folder = dir === undefined ? startFolder : resolve(dir);
  await refuseNoFolder(folder);
  const own = packageFolder(import.meta.url);
  const [template, ...more] = templates ?? [];
  if (more.length > 0) throw wrongUsage("init writes one template at a time: --template NAME.");
  if (template === undefined && args.text("from") !== undefined)
    throw wrongUsage("--from names what --template NAME copies.", "Give both.");
  const begun = (await readIfPresent(join(folder, "templates/upstream.toml"))) !== undefined;
  const files = [
    ...(template !== undefined && begun ? [] : await wantedFiles(own)),
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
  if (!dryRun)
    for (const { path, contents, mode } of steps)
      if (contents !== undefined) await writeAtomically(join(folder, path), contents, mode);
  return {
    json: { dryRun, dir: folder, files: steps.map(({ path, outcome }) => ({ path, outcome })) },
    text: report(folder, steps, dryRun, template, !(await hasPackage(folder))),
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

async function wantedFiles(own: string): Promise<readonly InitFile[]> {
  const text = (...path: readonly string[]): Promise<string> => readFile(join(own, ...path), "utf8");
  const { version } = JSON.parse(await text("package.json")) as { version: string };
  const [templates, workflows] = [new Map<string, Buffer>(), new Map<string, string>()];
  for (const { path } of await listFiles(join(own, "templates")))
    templates.set(path, await readFile(join(own, "templates", path)));
  for (const name of TEAM_WORKFLOWS) workflows.set(name, await text(".github/workflows", `${name}.yml`));
  return initFiles({ templates, workflows, preset: await text("renovate.json"), version });
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
  for (const source of from === undefined ? [name, "debian"] : [from])
    for (const place of places) {
      const below = join(place, source);
      if (resolve(below) === resolve(folder, "templates", name)) continue;
      if (!isName(source)) continue;
      const files = await listFiles(below);
      if (!files.some(({ path }) => path === "template.toml")) continue;
      return Promise.all(
        files.map(async ({ path, mode }) => ({
          path: `templates/${name}/${path}`,
          contents: await readFile(join(below, path)),
          mode: (mode & 0o100) === 0 ? 0o644 : 0o755,
          as: "new" as const,
        })),
      );
    }
  throw wrongUsage(
    `There is no template or example ${from ?? name} to copy.`,
    `The package has: ${(await foldersOf(own)).join(", ")}.`,
  );
}

async function foldersOf(own: string): Promise<readonly string[]> {
  const found = await Promise.all(["templates", "examples"].map((place) => listFiles(join(own, place))));
  return found.flat().flatMap(({ path }) => (/^([^/]+)\/template\.toml$/u.exec(path) ?? []).slice(1));
}

/** What already exists at the file's path or at one of its alternatives. */
async function whatIsThere(folder: string, { path, orAt = [] }: InitFile): Promise<Uint8Array | undefined> {
  for (const one of [path, ...orAt]) {
    const found = await readIfPresent(join(folder, one));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether the folder is this package, or has it installed. */
async function hasPackage(folder: string): Promise<boolean> {
  const text = await readIfPresent(join(folder, "package.json"));
  const own =
    text !== undefined && Buffer.from(text).toString("utf8").includes('"name": "mesa-blaxel-templates"');
  return own || existsSync(join(folder, "node_modules/mesa-blaxel-templates/package.json"));
}

const SAYS: Readonly<Record<InitStep["outcome"], string>> = {
  written: "write",
  overwritten: "overwrite",
  "added-to": "add to",
  kept: "unchanged",
  "left-alone": "leave",
  conflict: "conflict",
};

function report(
  folder: string,
  steps: readonly InitStep[],
  dryRun: boolean,
  template: string | undefined,
  install: boolean,
): string {
  const left = steps.filter(({ outcome }) => outcome === "left-alone").map(({ path }) => path);
  const list = [
    ...steps.map(({ path, outcome }) => `${SAYS[outcome].padEnd(10)}  ${path}\n`),
    ...(left.length === 0
      ? []
      : [`\nLeft alone, because they exist with different content: ${left.join(", ")}.\n`]),
  ].join("");
  if (dryRun) return list;
  // A root of its own, such as the demo's, has neither: the program that runs now releases it.
  const isBare = !["Makefile", "package.json"].some((name) => existsSync(join(folder, name)));
  const make = isBare
    ? "mesa-template"
    : left.includes("Makefile")
      ? "npx --no-install mesa-template"
      : "make";
  const where = relative(process.cwd(), folder);
  const next = [
    ...(where === "" ? [] : [`cd ${where}`]),
    ...(install && !isBare
      ? [
          "npm install --save-dev PATH/TO/mesa-blaxel-templates-VERSION.tgz   (made by npm pack in a clone of mesa-template)",
        ]
      : []),
    ...(template === undefined
      ? make === "make"
        ? ["make doctor", "make template MESA_VERSION=0.26.0"]
        : [`${make} doctor`, `${make} release 0.26.0`]
      : [
          `edit templates/${template}/Dockerfile.hbs, at "Your own steps"`,
          make === "make"
            ? `make template MESA_VERSION=0.26.0 ARGS="--template ${template}"`
            : `${make} release 0.26.0 --template ${template}`,
        ]),
  ];
  return `${list}\nNext:\n${next.map((line) => `  ${line}\n`).join("")}`;
}

/**
 * The folder of this program's package above the given file: an installed package or a checkout.
 * @throws Error if there is none, which means a broken installation
 */
export function packageFolder(from: string): string {
  let folder = dirname(fileURLToPath(from));
  for (;;) {
    const file = join(folder, "package.json");
    if (
      existsSync(file) &&
      (JSON.parse(readFileSync(file, "utf8")) as { name?: unknown }).name === "mesa-blaxel-templates"
    )
      return folder;
    const parent = dirname(folder);
    if (parent === folder)
      throw new Error("mesa-template's own package.json was not found above its program");
    folder = parent;
  }
}
