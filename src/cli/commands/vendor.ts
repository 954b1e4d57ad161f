import type { CommandSpec } from "../command";
import { BUILDER_OPTION } from "./release";

export const vendorCommand: CommandSpec = {
  usage: "vendor <mesa-version>",
  describe: "write all inputs of a version into a folder that is the upstream of a machine without network",
  options: {
    to: {
      type: "string",
      requiresArg: true,
      describe: "the folder; one that vendor wrote before is added to",
    },
    image: {
      type: "boolean",
      default: true,
      describe: "put the built images in too (--no-image: builds there need the distribution's packages)",
    },
    "trust-key": { type: "string", requiresArg: true, describe: "fingerprint to trust on first use" },
    ...BUILDER_OPTION,
  },
  load: () => import("../handlers/vendor"),
};
