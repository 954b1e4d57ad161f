import type { CommandSpec } from "../command";
import { releaseCommand } from "./release";

/** All commands, in the order in which help shows them. */
export const COMMANDS: readonly CommandSpec[] = [
  releaseCommand,
];
