import type { CommandSpec } from "../command";

export const matrixCommand: CommandSpec = {
  usage: "matrix [versions..]",
  describe: "print templates × Mesa versions for the parallel jobs of a pipeline",
  details: "Without versions: everything that is locked and not verified yet.",
  options: {
    needed: { type: "boolean", describe: "with versions: leave out what is up to date" },
    all: { type: "boolean", describe: "without versions: also what is up to date" },
  },
  common: ["template", "upstream"],
  examples: ["matrix 0.20.0 0.26.0 --json"],
  load: () => import("../handlers/matrix"),
};
