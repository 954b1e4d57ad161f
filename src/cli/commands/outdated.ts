import type { CommandSpec } from "../command";

export const outdatedCommand: CommandSpec = {
  usage: "outdated",
  describe: "show inputs for which there is something newer (exit 9 when there is)",
  options: {
    prerelease: { type: "boolean", describe: "let prereleases count" },
  },
  load: () => import("../handlers/outdated"),
};
