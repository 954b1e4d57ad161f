import type { CommandSpec } from "../command";
import { RELEASE_OPTIONS } from "./release";

export const diffCommand: CommandSpec = {
  usage: "diff <a> [b]",
  describe: "show what differs between two versions, or a version and what a fresh lock would give",
  options: { full: { type: "boolean", describe: "every line, file, label and time, not the summary" } },
  load: () => import("../handlers/diff"),
};

export const notesCommand: CommandSpec = {
  usage: "notes <ref>",
  describe: "write the release notes of a version, in Markdown",
  options: {
    since: {
      type: "string",
      requiresArg: true,
      describe: "compare with this REF (default: the version before)",
    },
  },
  load: () => import("../handlers/notes"),
};

export const upgradeCommand: CommandSpec = {
  usage: "upgrade [mesa-version]",
  describe: "build and prove a newer Mesa (default: the newest) and show what would change",
  options: {
    ...RELEASE_OPTIONS,
    deploy: { type: "boolean", describe: "deploy it after the plan was shown" },
    branch: {
      type: "boolean",
      describe: "commit what was rendered on a git branch of its own, with the plan as message",
    },
    "branch-name": {
      type: "string",
      requiresArg: true,
      describe: "its name (default: mesa-template/upgrade-VERSION)",
    },
    full: { type: "boolean", describe: "show every line, file, label and time, not the summary" },
    prerelease: { type: "boolean", describe: "let prereleases count as newest" },
  },
  load: () => import("../handlers/upgrade"),
};

export const driftCommand: CommandSpec = {
  usage: "drift [ref]",
  describe:
    "compare what is recorded with templates, upstreams, Blaxel and local images (exit 9 when something differs)",
  load: () => import("../handlers/drift"),
};
