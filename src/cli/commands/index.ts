import type { CommandGroup } from "../command";
import { RELEASE } from "./release";
import { SANDBOXES } from "./sandboxes";
import { UPGRADE } from "./upgrade";
import { HOUSEKEEPING, PIPELINES } from "./upkeep";
import { VERSIONS } from "./versions";

/** All commands, in the order of help. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  RELEASE,
  VERSIONS,
  UPGRADE,
  SANDBOXES,
  PIPELINES,
  HOUSEKEEPING,
];
