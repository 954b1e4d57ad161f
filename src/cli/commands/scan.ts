import type { CommandSpec } from "../command";

export const scanCommand: CommandSpec = {
  usage: "scan [refs..]",
  describe: "scan the SBOMs of published versions with grype or trivy (exit 9: something new)",
  details: "Without REFs it scans what channels point at.",
  options: {
    severity: {
      type: "string",
      choices: ["low", "medium", "high", "critical"],
      default: "low",
      describe: "the lowest severity that counts",
    },
  },
  common: ["template"],
  examples: ["scan --severity high"],
  exits: { 3: "neither grype nor trivy is installed", 9: "a vulnerability that the last scan did not find" },
  load: () => import("../handlers/scan"),
};
