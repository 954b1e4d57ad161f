import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { listFiles } from "../support/files/files";

/** A file that `init` writes. */
export interface InitFile {
  /** Path below the repository, with forward slashes. */
  readonly path: string;
  readonly contents: Buffer;
  /** Permission bits; default 0o644. */
  readonly mode?: number;
  /**
   * whole: written if missing, or overwritten with --force. lines: missing lines are added to an existing file. once: only if missing (a
   * package.json belongs to the team). new: part of a template that must not exist yet.
   */
  readonly as: "whole" | "lines" | "once" | "new";
  /** Alternative paths: if one of them exists, the file counts as present. */
  readonly orAt?: readonly string[];
}

/** The step for one file. */
export interface InitStep {
  readonly path: string;
  readonly outcome: "written" | "overwritten" | "added-to" | "kept" | "left-alone" | "conflict";
  /** New content of the file; absent if it stays unchanged. */
  readonly contents?: Buffer;
  readonly mode?: number | undefined;
}

/** The text with those of the lines appended that it lacks. */
function withLines(before: string, added: string): string {
  const there = new Set(before.split(/\r?\n/u));
  const missing = added.split("\n").filter((line) => line !== "" && !there.has(line));
  if (missing.length === 0) return before;
  return `${before}${before === "" || before.endsWith("\n") ? "" : "\n"}${missing.join("\n")}\n`;
}

/** Decides what to do with one file. `before` is its current content. */
export function initStep(file: InitFile, before: Buffer | undefined, force: boolean): InitStep {
  const { path, as } = file;
  const write = { path, contents: file.contents, mode: file.mode };
  if (before === undefined) return { ...write, outcome: "written" };
  if (as === "lines") {
    const contents = Buffer.from(withLines(before.toString("utf8"), file.contents.toString("utf8")));
    return before.equals(contents) ? { path, outcome: "kept" } : { path, outcome: "added-to", contents };
  }
  if (before.equals(file.contents)) return { path, outcome: "kept" };
  if (force && as !== "once") return { ...write, outcome: "overwritten" };
  return { path, outcome: as === "new" ? "conflict" : "left-alone" };
}

/** Further places of Renovate's configuration, after renovate.json (its documentation, "Configuration Options"). */
const RENOVATE_FILES = [
  "renovate.json5",
  ...["renovate.json", "renovate.json5"].flatMap((name) => [`.github/${name}`, `.gitlab/${name}`]),
  ...[".renovaterc", ".renovaterc.json", ".renovaterc.json5"],
];

/** How a team's repository starts the program. */
const PROGRAM = "npx --no-install mesa-template";

const GITIGNORE = [
  "node_modules/",
  "# stage results, logs and downloads of mesa-template",
  ".mesa-template/",
  "report.html",
];
const PRETTIERIGNORE = ["# written by mesa-template, byte for byte", "dockerfiles/", "*.hbs"];
const GITATTRIBUTES = [
  "# locks contain hashes of these files: git must not change their line endings",
  "templates/** text=auto eol=lf",
  "templates/*/files/** -text",
  "dockerfiles/** -text",
  "dockerfiles/*/*/** linguist-generated",
];

/** The workflows of a team's repository. */
export const TEAM_WORKFLOWS = ["release", "promote", "rollback", "upgrade", "scan", "renovate"];

/** A workflow of this repository, adapted to a team's, where the program is an installed package. */
export function teamWorkflow(text: string): string {
  return text.replace("MESA_TEMPLATE: node dist/mesa-template.js", `MESA_TEMPLATE: ${PROGRAM}`);
}

/** The Renovate configuration of this repository, adapted to a team's, which lacks this one's documents. */
function teamPreset(text: string): string {
  const preset = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const description = [
    "Keeps what templates are made from up to date: Mesa (its Debian package), sandbox-api and the base images. Mesa's version is read from .mesa-version, which holds the one that is released now.",
  ];
  return `${JSON.stringify({ ...preset, description }, null, 2)}\n`;
}

/** Copies of all files below a folder. */
export async function copied(folder: string, to: string, as: InitFile["as"]): Promise<readonly InitFile[]> {
  return Promise.all(
    (await listFiles(folder)).map(async ({ path, mode }) => ({
      path: `${to}/${path}`,
      contents: await readFile(join(folder, path)),
      mode: (mode & 0o100) === 0 ? 0o644 : 0o755,
      as,
    })),
  );
}

/** All files of a new repository. @param own the folder of this program's package, which has most of them */
export async function repositoryFiles(own: string): Promise<readonly InitFile[]> {
  const text = (path: string): Promise<string> => readFile(join(own, path), "utf8");
  const file = (path: string, contents: string, as: InitFile["as"]): InitFile => {
    return { path, contents: Buffer.from(contents), as };
  };
  const ofLines = (path: string, lines: readonly string[]): InitFile =>
    file(path, `${lines.join("\n")}\n`, "lines");
  const { version } = JSON.parse(await text("package.json")) as { version: string };
  const manifest = {
    private: true,
    description: "Blaxel sandbox templates with Mesa inside",
    devDependencies: { "mesa-blaxel-templates": `^${version}` },
  };
  const workflows = TEAM_WORKFLOWS.map(async (name) =>
    file(
      `.github/workflows/mesa-${name}.yml`,
      teamWorkflow(await text(`.github/workflows/${name}.yml`)),
      "whole",
    ),
  );
  return [
    ...(await copied(join(own, "templates"), "templates", "whole")),
    file("Makefile", await text("examples/Makefile"), "whole"),
    ...(await Promise.all(workflows)),
    { ...file("renovate.json", teamPreset(await text("renovate.json")), "once"), orAt: RENOVATE_FILES },
    file("package.json", `${JSON.stringify(manifest, null, 2)}\n`, "once"),
    ofLines(".gitignore", GITIGNORE),
    ofLines(".prettierignore", PRETTIERIGNORE),
    ofLines(".gitattributes", GITATTRIBUTES),
  ];
}
