import type { CommandSpec } from "../command";
import { lockCommand } from "./lock";
import { outdatedCommand } from "./outdated";
import { releaseCommand } from "./release";

/** All commands, in the order in which help shows them. */
export const COMMANDS: readonly CommandSpec[] = [
  releaseCommand,
  lockCommand,
  outdatedCommand,
];
