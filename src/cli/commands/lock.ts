import type { CommandSpec } from "../command";

export const lockCommand: CommandSpec = {
  usage: "lock [mesa-version]",
  describe: "resolve all inputs of a Mesa version and write them to lock.json",
  options: {
    relock: { type: "boolean", describe: "resolve again even if there is a lock" },
    check: {
      type: "boolean",
      alias: "frozen",
      describe:
        "resolve nothing: fail when a lock is missing, was edited, or does not match template.toml and upstream.toml; without MESA-VERSION check every lock",
    },
    "trust-key": {
      type: "string",
      value: "FINGERPRINT",
      describe: "trust this repository key on first use; it is then pinned in upstream.toml",
    },
  },
  common: ["template", "upstream", "dry-run"],
  changes: true,
  examples: ["lock 0.26.0", "lock --check"],
  exits: { 4: "an input does not verify or does not exist" },
  load: () => import("../handlers/lock"),
};
