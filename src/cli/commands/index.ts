import type { CommandSpec } from "../command";
import { completionCommand } from "./completion";
import { initCommand } from "./init";
import { diffCommand, driftCommand, notesCommand, upgradeCommand } from "./compare";
import { lockCommand } from "./lock";
import {
  channelsCommand,
  gcCommand,
  historyCommand,
  listCommand,
  manifestCheckCommand,
  manifestMergeCommand,
  promoteCommand,
  reportCommand,
  resolveCommand,
  revokeCommand,
  rollbackCommand,
  showCommand,
  unrevokeCommand,
} from "./manifest";
import { matrixCommand } from "./matrix";
import { outdatedCommand } from "./outdated";
import { releaseCommand } from "./release";
import {
  sandboxBootstrapCommand,
  sandboxCleanCommand,
  sandboxRunCommand,
  sandboxShellCommand,
} from "./sandbox";
import { scanCommand } from "./scan";
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
  unrevokeCommand,
  channelsCommand,
  historyCommand,
  manifestCheckCommand,
  manifestMergeCommand,
  gcCommand,
  reportCommand,
  outdatedCommand,
  upgradeCommand,
  diffCommand,
  notesCommand,
  driftCommand,
  scanCommand,
  sandboxRunCommand,
  sandboxShellCommand,
  sandboxBootstrapCommand,
  sandboxCleanCommand,
  doctorCommand,
  matrixCommand,
  initCommand,
  completionCommand,
];
