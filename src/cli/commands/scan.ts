import type { CommandSpec } from "../command";

export const scanCommand: CommandSpec = {
  usage: "scan [refs..]",
  describe:
    "scan published versions' SBOMs with grype or trivy (default: what channels point at; exit 9 when something is new)",
  options: {
    severity: {
      type: "string",
      requiresArg: true,
      choices: ["low", "medium", "high", "critical"],
      default: "low",
      describe: "the least severity that counts",
    },
  },
  load: () => import("../handlers/scan"),
};
