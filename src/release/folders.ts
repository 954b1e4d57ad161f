import { join } from "node:path";

/** The files a release reads and writes below its root. */
export interface ReleaseFolders {
  readonly templates: string;
  readonly dockerfiles: string;
  readonly manifest: string;
  /** Ignored by git: stage results, logs of the last runs, downloads. Deleting it costs time, never a fact. */
  readonly state: string;
  readonly cache: string;
  project(template: string, version: string): string;
  stageResult(template: string, inputsDigest: string, name: string): string;
  stamp(template: string, version: string): string;
  /** Held while something is done that two runs must not do at once. */
  lock(name: string): string;
  log(template: string, version: string, stage: string): string;
}

export function releaseFolders(root: string): ReleaseFolders {
  const state = join(root, ".mesa-template");
  const dockerfiles = join(root, "dockerfiles");
  return {
    templates: join(root, "templates"),
    dockerfiles,
    manifest: join(dockerfiles, "manifest.json"),
    state,
    cache: join(state, "cache"),
    project: (template, version) => join(dockerfiles, template, version),
    stageResult: (template, inputsDigest, name) =>
      join(state, "stages", template, inputsDigest.replace(/^sha256:/u, "").slice(0, 32), `${name}.json`),
    stamp: (template, version) => join(state, "stamps", template, `${version}.json`),
    lock: (name) => join(state, "locks", `${name}.lock`),
    log: (template, version, stage) => join(state, "logs", template, `${version}-${stage}.log`),
  };
}
