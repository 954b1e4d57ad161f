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

/** Commands that help shows together. */
export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly CommandSpec[];
}

/** All commands, in the order in which help shows them. */
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
    commands: [sandboxRunCommand, sandboxShellCommand, sandboxBootstrapCommand, sandboxCleanCommand],
  },
  { title: "Pipelines", commands: [matrixCommand, manifestCheckCommand, manifestMergeCommand] },
  { title: "Housekeeping", commands: [doctorCommand, initCommand, gcCommand, completionCommand] },
];
