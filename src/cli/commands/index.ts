import type { CommandSpec } from "../command";
import { lockCommand } from "./lock";
import {
  channelsCommand,
  historyCommand,
  listCommand,
  manifestCheckCommand,
  manifestMergeCommand,
  promoteCommand,
  resolveCommand,
  revokeCommand,
  rollbackCommand,
  showCommand,
} from "./manifest";
import { outdatedCommand } from "./outdated";
import { releaseCommand } from "./release";
import {
  sandboxBootstrapCommand,
  sandboxCleanCommand,
  sandboxRunCommand,
  sandboxShellCommand,
} from "./sandbox";
import {
  buildCommand,
  deployCommand,
  doctorCommand,
  renderCommand,
  smokeCommand,
  verifyCommand,
} from "./stages";

/** All commands, in the order in which help shows them. */
export const COMMANDS: readonly CommandSpec[] = [
  releaseCommand,
  lockCommand,
  renderCommand,
  buildCommand,
  smokeCommand,
  deployCommand,
  verifyCommand,
  listCommand,
  showCommand,
  resolveCommand,
  promoteCommand,
  rollbackCommand,
  revokeCommand,
  channelsCommand,
  historyCommand,
  manifestCheckCommand,
  manifestMergeCommand,
  outdatedCommand,
  sandboxRunCommand,
  sandboxShellCommand,
  sandboxBootstrapCommand,
  sandboxCleanCommand,
  doctorCommand,
];
