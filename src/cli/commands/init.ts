import type { CommandSpec } from "../command";

export const initCommand: CommandSpec = {
  usage: "init [dir]",
  describe:
    "write templates, Makefile, workflows and Renovate settings for a repository of your own; with --template NAME, a template to start from",
  options: {
    from: {
      type: "string",
      describe:
        "with --template NAME: which template or example to copy (default: the one of that name, else debian)",
    },
    force: { type: "boolean", describe: "write over files that are there" },
  },
  load: () => import("../handlers/init"),
};
