import type { CommandSpec } from "../command";

export const lockCommand: CommandSpec = {
  usage: "lock <mesa-version>",
  describe: "resolve all inputs of a Mesa version and keep them in lock.json",
  options: {
    relock: { type: "boolean", describe: "resolve anew although there is a lock" },
    check: {
      type: "boolean",
      alias: "frozen",
      describe:
        "resolve nothing: fail when a lock is missing, was edited, or no longer fits template.toml and upstream.toml",
    },
    "trust-key": {
      type: "string",
      requiresArg: true,
      describe: "fingerprint of the repository key to trust on first use; it is then pinned in upstream.toml",
    },
  },
  load: () => import("../handlers/lock"),
};
