import { flag, text, type CommandGroup } from "../command";

export const PIPELINES: CommandGroup = {
  title: "Pipelines",
  commands: [
    {
      usage: "matrix [versions..]",
      describe: "print templates × Mesa versions for the parallel jobs of a pipeline",
      details: "Without versions: everything that is locked and not verified yet.",
      options: {
        needed: flag("with versions: leave out what is up to date"),
        all: flag("without versions: also what is up to date"),
      },
      common: ["template", "upstream"],
      examples: ["matrix 0.20.0 0.26.0 --json"],
      load: async () => (await import("../handlers/matrix")).run,
    },
    {
      usage: "manifest check [file]",
      describe: "validate the manifest",
      examples: ["manifest check"],
      exits: { 8: "the manifest is invalid" },
      load: async () => (await import("../handlers/manifest")).checkCommand,
    },
    {
      usage: "manifest merge [files..]",
      describe: "merge the manifests of parallel jobs",
      refusesDryRun: true,
      examples: ["manifest merge a/manifest.json b/manifest.json"],
      exits: { 8: "a manifest is invalid, or the manifests contradict each other" },
      load: async () => (await import("../handlers/manifest")).mergeCommand,
    },
  ],
};

export const HOUSEKEEPING: CommandGroup = {
  title: "Housekeeping",
  commands: [
    {
      usage: "doctor",
      describe: "check everything a release needs, and say what to do",
      common: ["workspace", "upstream"],
      examples: ["doctor"],
      exits: { 3: "something is missing" },
      load: async () => (await import("../handlers/upkeep")).doctorCommand,
    },
    {
      usage: "init [dir]",
      describe: "start a repository of your own, or with --template NAME a template in it",
      details:
        "Writes templates, Makefile, workflows and Renovate settings. Files that exist stay as they are: init adds what is missing and lists what it left alone.",
      options: {
        from: text(
          "NAME",
          "with --template: the template or example to copy (default: the one of that name, else debian)",
        ),
        force: flag("overwrite existing files"),
      },
      common: ["template", "dry-run"],
      examples: ["init our-templates", "init --template claude-code"],
      load: async () => (await import("../handlers/init")).run,
    },
    {
      usage: "gc",
      describe: "remove old images here and on Blaxel (prints what it would remove, unless --yes)",
      details: "templates/retention.toml holds the rules.",
      options: { yes: flag("remove them") },
      common: ["workspace", "dry-run"],
      examples: ["gc", "gc --yes"],
      load: async () => (await import("../handlers/upkeep")).gcCommand,
    },
    {
      usage: "completion [shell]",
      describe: "print the completion script of bash or zsh",
      examples: ['completion bash   # in ~/.bashrc: eval "$(mesa-template completion bash)"'],
      load: async () => (await import("../line/completion")).completionCommand,
    },
  ],
};
