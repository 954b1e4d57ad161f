import type { CommandSpec } from "../command";

export const matrixCommand: CommandSpec = {
  usage: "matrix [versions..]",
  describe:
    "templates × Mesa versions for a pipeline's parallel jobs; without versions: what is locked and not yet verified",
  options: {
    needed: { type: "boolean", describe: "with versions: leave out what is up to date" },
    all: { type: "boolean", describe: "without versions: also what is up to date" },
  },
  load: () => import("../handlers/matrix"),
};
