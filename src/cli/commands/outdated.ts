import type { CommandSpec } from "../command";

export const outdatedCommand: CommandSpec = {
  usage: "outdated",
  describe: "list inputs that have a newer release (exit 9: there are some)",
  options: {
    prerelease: { type: "boolean", describe: "include prereleases" },
  },
  common: ["template", "upstream"],
  examples: ["outdated"],
  exits: { 9: "something newer is available" },
  load: () => import("../handlers/outdated"),
};
