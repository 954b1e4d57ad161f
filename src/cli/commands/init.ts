import type { CommandSpec } from "../command";

export const initCommand: CommandSpec = {
  usage: "init [dir]",
  describe: "write templates, Makefile, workflows and Renovate settings for a repository of your own",
  options: {
    force: { type: "boolean", describe: "write over files that are there" },
  },
  load: () => import("../handlers/init"),
};
