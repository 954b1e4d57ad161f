import type { CommandSpec } from "../command";
import {
  diffCommand,
  driftCommand,
  notesCommand,
  outdatedCommand,
  scanCommand,
  upgradeCommand,
} from "./compare";
import { completionCommand, doctorCommand, gcCommand, initCommand } from "./housekeeping";
import {
  channelsCommand,
  historyCommand,
  listCommand,
  manifestCheckCommand,
  manifestMergeCommand,
  matrixCommand,
  promoteCommand,
  reportCommand,
  resolveCommand,
  revokeCommand,
  rollbackCommand,
  showCommand,
  unrevokeCommand,
} from "./manifest";
import { releaseCommand } from "./release";
import {
  sandboxBootstrapCommand,
  sandboxCleanCommand,
  sandboxMergeCommand,
  sandboxRunCommand,
  sandboxShellCommand,
} from "./sandbox";
import {
  buildCommand,
  deployCommand,
  lockCommand,
  renderCommand,
  smokeCommand,
  verifyCommand,
} from "./stages";

/** A group of commands in help. */
export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly CommandSpec[];
}

/** All commands, in the order of help. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  {
    title: "Release",
    commands: [
      releaseCommand,
      lockCommand,
      renderCommand,
      buildCommand,
      smokeCommand,
      deployCommand,
      verifyCommand,
    ],
  },
  {
    title: "Versions and channels",
    commands: [
      listCommand,
      showCommand,
      resolveCommand,
      promoteCommand,
      rollbackCommand,
      revokeCommand,
      unrevokeCommand,
      channelsCommand,
      historyCommand,
      reportCommand,
    ],
  },
  {
    title: "Upgrade",
    commands: [outdatedCommand, upgradeCommand, diffCommand, notesCommand, driftCommand, scanCommand],
  },
  {
    title: "Sandboxes",
    commands: [
      sandboxRunCommand,
      sandboxShellCommand,
      sandboxMergeCommand,
      sandboxBootstrapCommand,
      sandboxCleanCommand,
    ],
  },
  { title: "Pipelines", commands: [matrixCommand, manifestCheckCommand, manifestMergeCommand] },
  { title: "Housekeeping", commands: [doctorCommand, initCommand, gcCommand, completionCommand] },
];
