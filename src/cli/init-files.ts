/** A file that `init` writes. */
export interface InitFile {
  /** Path below the repository, with forward slashes. */
  readonly path: string;
  readonly contents: Uint8Array;
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
  readonly contents?: Uint8Array;
  readonly mode?: number;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** The text with those of the lines appended that it lacks. */
function withLines(before: string, added: string): string {
  const there = new Set(before.split(/\r?\n/u));
  const missing = added.split("\n").filter((line) => line !== "" && !there.has(line));
  if (missing.length === 0) return before;
  return `${before}${before === "" || before.endsWith("\n") ? "" : "\n"}${missing.join("\n")}\n`;
}

/** Decides what to do with one file. `before` is its current content. */
export function initStep(file: InitFile, before: Uint8Array | undefined, force: boolean): InitStep {
  const { path, contents } = file;
  const mode = file.mode === undefined ? {} : { mode: file.mode };
  if (before === undefined) return { path, outcome: "written", contents, ...mode };
  if (same(before, contents)) return { path, outcome: "kept" };
  if (file.as === "once") return { path, outcome: "left-alone" };
  if (file.as === "lines") {
    const [text, added] = [Buffer.from(before).toString("utf8"), Buffer.from(contents).toString("utf8")];
    const whole = withLines(text, added);
    return whole === text
      ? { path, outcome: "kept" }
      : { path, outcome: "added-to", contents: Buffer.from(whole, "utf8") };
  }
  if (force) return { path, outcome: "overwritten", contents, ...mode };
  return { path, outcome: file.as === "whole" ? "left-alone" : "conflict" };
}

/** Further places of Renovate's configuration, after renovate.json (its documentation, "Configuration Options"). */
const RENOVATE_FILES = [
  "renovate.json5",
  ...["renovate.json", "renovate.json5"].flatMap((name) => [`.github/${name}`, `.gitlab/${name}`]),
  ...[".renovaterc", ".renovaterc.json", ".renovaterc.json5"],
];

/** How a team's repository starts the program. */
const PROGRAM = "npx --no-install mesa-template";

export const MAKEFILE = `# make template MESA_VERSION=0.26.0   locks, renders, builds, tests, deploys and records every template
# make upgrade                        builds and tests the newest Mesa and shows what would change
SHELL := /bin/bash
.DEFAULT_GOAL := help
MESA_TEMPLATE := ${PROGRAM}

# The shell gets these as variables; make expands nothing in them.
override MESA_VERSION := $(value MESA_VERSION)
override ARGS := $(value ARGS)
export MESA_VERSION ARGS

.PHONY: help template upgrade outdated check doctor build

help: ## this list
	@sed -n 's/^\\([a-z-]*\\):.*## \\(.*\\)/  make \\1|\\2/p' $(MAKEFILE_LIST) | column -t -s '|'

template: build ## lock, render, build, smoke, deploy and record: MESA_VERSION=0.26.0 [ARGS=…]
	@if [ -z "$$MESA_VERSION" ]; then echo "Which Mesa version? make template MESA_VERSION=0.26.0" >&2; exit 2; fi
	@set -f; $(MESA_TEMPLATE) release "$$MESA_VERSION" $$ARGS

upgrade: build ## build and prove the newest Mesa, show what would change: [ARGS=--branch]
	@set -f; $(MESA_TEMPLATE) upgrade $$ARGS

outdated: build ## is there something newer
	@$(MESA_TEMPLATE) outdated

check: build ## the manifest is whole
	@$(MESA_TEMPLATE) manifest check

doctor: build ## look at everything that is needed
	@$(MESA_TEMPLATE) doctor

build: node_modules/.mesa-template-ready ## install the program

node_modules/.mesa-template-ready: package.json
	@npm install --no-audit --no-fund --loglevel=error
	@touch $@
`;

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

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const lines = (list: readonly string[]): Uint8Array => encode(`${list.join("\n")}\n`);

/** What a new repository gets from this program's own. */
export interface OwnFiles {
  /** Files below templates/, by their path there. */
  readonly templates: ReadonlyMap<string, Uint8Array>;
  /** Texts of TEAM_WORKFLOWS, by name. */
  readonly workflows: ReadonlyMap<string, string>;
  /** renovate.json. */
  readonly preset: string;
  /** Version of the npm package. */
  readonly version: string;
}

/** All files of a new repository. */
export function initFiles({ templates, workflows, preset, version }: OwnFiles): readonly InitFile[] {
  const manifest = {
    private: true,
    description: "Blaxel sandbox templates with Mesa inside",
    devDependencies: { "mesa-blaxel-templates": `^${version}` },
  };
  const wholes: readonly (readonly [path: string, contents: Uint8Array])[] = [
    ...[...templates].map(([path, contents]) => [`templates/${path}`, contents] as const),
    ["Makefile", encode(MAKEFILE)],
    ...[...workflows].map(
      ([name, text]) => [`.github/workflows/mesa-${name}.yml`, encode(teamWorkflow(text))] as const,
    ),
  ];
  return [
    ...wholes.map(([path, contents]): InitFile => ({ path, contents, as: "whole" })),
    { path: "renovate.json", contents: encode(teamPreset(preset)), as: "once", orAt: RENOVATE_FILES },
    { path: "package.json", contents: encode(`${JSON.stringify(manifest, null, 2)}\n`), as: "once" },
    { path: ".gitignore", contents: lines(GITIGNORE), as: "lines" },
    { path: ".prettierignore", contents: lines(PRETTIERIGNORE), as: "lines" },
    { path: ".gitattributes", contents: lines(GITATTRIBUTES), as: "lines" },
  ];
}
