import type { CommandSpec } from "../command";

export const doctorCommand: CommandSpec = {
  usage: "doctor",
  describe: "check everything a release needs, and say what to do",
  common: ["workspace", "upstream"],
  examples: ["doctor"],
  exits: { 3: "something is missing" },
  load: () => import("../handlers/doctor"),
};

export const initCommand: CommandSpec = {
  usage: "init [dir]",
  describe: "start a repository of your own, or with --template NAME a template in it",
  details:
    "Writes templates, Makefile, workflows and Renovate settings. Files that exist stay as they are: init adds what is missing and lists what it left alone.",
  options: {
    from: {
      type: "string",
      value: "NAME",
      describe:
        "with --template: the template or example to copy (default: the one of that name, else debian)",
    },
    force: { type: "boolean", describe: "overwrite existing files" },
  },
  common: ["template", "dry-run"],
  changes: true,
  examples: ["init our-templates", "init --template claude-code"],
  load: () => import("../handlers/init"),
};

export const gcCommand: CommandSpec = {
  usage: "gc",
  describe: "remove old images here and on Blaxel (prints what it would remove, unless --yes)",
  details: "templates/retention.toml holds the rules.",
  options: { yes: { type: "boolean", describe: "remove them" } },
  common: ["workspace", "dry-run"],
  changes: true,
  examples: ["gc", "gc --yes"],
  load: () => import("../handlers/gc"),
};

export const completionCommand: CommandSpec = {
  usage: "completion [shell]",
  describe: "print the completion script of bash or zsh",
  examples: ['completion bash   # in ~/.bashrc: eval "$(mesa-template completion bash)"'],
  load: () => import("../handlers/completion"),
};
