import type { CommandSpec } from "../command";

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
