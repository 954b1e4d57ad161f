import { existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Failure } from "../errors";
import { hexOf } from "../text/digest";

/** The manifest's path below a root, as messages and git name it. */
export const MANIFEST_FILE = "dockerfiles/manifest.json";

/** What identifies the files of a template version. */
export interface VersionFiles {
  readonly template: string;
  readonly mesaVersion: string;
  readonly revision: number;
}

export type Paths = ReturnType<typeof paths>;

/** All paths below a root, the folder that holds templates/ and dockerfiles/. No other place knows them. */
export function paths(root: string) {
  /** What people edit. */
  const templates = join(root, "templates");
  /** What the program writes and people commit. */
  const dockerfiles = join(root, "dockerfiles");
  /** Ignored by git: stage results, logs of the last runs, downloads. Deleting it costs time only. */
  const state = join(root, ".mesa-template");
  const project = (template: string, version: string): string => join(dockerfiles, template, version);
  return {
    root,
    templates,
    partials: join(templates, "partials"),
    upstream: join(templates, "upstream.toml"),
    retention: join(templates, "retention.toml"),
    dockerfiles,
    manifest: join(root, MANIFEST_FILE),
    state,
    cache: join(state, "cache"),
    template: (name: string) => join(templates, name),
    project,
    lockFile: (template: string, version: string) => join(project(template, version), "lock.json"),
    record: ({ template, mesaVersion, revision }: VersionFiles) =>
      join(project(template, mesaVersion), "records", String(revision)),
    stageResult: (template: string, inputsDigest: string, name: string) =>
      join(state, "stages", template, hexOf(inputsDigest).slice(0, 32), `${name}.json`),
    /** The list of files that the last rendering wrote, which the next one may remove. */
    renderedNames: (template: string, version: string) =>
      join(state, "rendered", template, `${version}.json`),
    /** A lock file for work that two runs must not do at once. */
    lock: (name: string) => join(state, "locks", `${name}.lock`),
    log: (template: string, version: string, stage: string) =>
      join(state, "logs", template, `${version}-${stage}.log`),
  } as const;
}

/** The templates below a root, sorted: folders with a template.toml; undefined without templates/. */
export function templateNames(root: string): readonly string[] | undefined {
  const { templates } = paths(root);
  if (!existsSync(templates)) return undefined;
  // A broken link as template.toml counts too: reading it says what is wrong.
  const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  return readdirSync(templates, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && isThere(join(templates, entry.name, "template.toml")))
    .map(({ name }) => name)
    .sort();
}

/**
 * The root: the given folder, else the nearest folder with templates/ from the working directory upwards.
 * @throws Failure NO_PROJECT (exit 2) that says what was looked for; an error of the system where the given folder cannot be read
 */
export function findRoot(workingFolder: string, given: string | undefined): string {
  if (given !== undefined) {
    const root = resolve(workingFolder, given);
    const found = (path: string) => statSync(path, { throwIfNoEntry: false });
    if (found(root)?.isDirectory() === false) throw noProject(`${root} is not a folder.`);
    if (found(paths(root).templates) !== undefined || found(paths(root).dockerfiles) !== undefined)
      return root;
    throw noProject(`${root} has neither templates/ nor dockerfiles/, so it is not a root.`);
  }
  for (let folder = resolve(workingFolder); ; folder = dirname(folder)) {
    if (existsSync(paths(folder).templates)) return folder;
    if (dirname(folder) === folder)
      throw noProject(`Neither ${resolve(workingFolder)} nor a folder above it has templates/.`);
  }
}

function noProject(message: string): Failure {
  return new Failure({
    code: "NO_PROJECT",
    kind: "usage",
    message,
    hint: "Give --root DIR, or start a project here: mesa-template init.",
  });
}
