import type { CommandSpec } from "../command";

const REASON = { reason: { type: "string", value: "TEXT", describe: "why; kept in the history" } } as const;
const UNREADABLE = { 8: "the manifest cannot be read or written, or has a conflict" } as const;

/** Whether a word looks like a version: 0.20.0, debian@0.20.0-1. */
function looksLikeVersion(word: string): boolean {
  return /^v?\d|@/u.test(word);
}

export const listCommand: CommandSpec = {
  usage: "list",
  describe: "list versions, newest first",
  options: {
    status: {
      type: "string",
      value: "STATUS",
      describe: "only this status: smoked, deployed, verified, failed, revoked or removed",
    },
    channel: { type: "string", value: "NAME", describe: "only versions that this channel points at" },
  },
  common: ["template", "workspace"],
  examples: ["list", "list --status verified --template debian --json"],
  exits: UNREADABLE,
  load: () => import("../handlers/list"),
};
export const showCommand: CommandSpec = {
  usage: "show <id>",
  describe: "show everything recorded about one version",
  common: ["template", "workspace"],
  examples: ["show debian@0.20.0-1", "show stable --template debian"],
  exits: UNREADABLE,
  load: () => import("../handlers/show"),
};
export const resolveCommand: CommandSpec = {
  usage: "resolve <ref>",
  describe: "print the immutable image of a version or channel, for scripts",
  common: ["template", "workspace"],
  examples: ["resolve stable --template debian"],
  exits: UNREADABLE,
  load: () => import("../handlers/resolve"),
};
export const promoteCommand: CommandSpec = {
  usage: "promote <ref> <channel>",
  describe: "point a channel at a version",
  details:
    "A channel points only at versions that were deployed and verified. A Mesa version is promoted for every template or for none.",
  options: {
    ...REASON,
    unverified: {
      type: "boolean",
      describe: "allow a version that was not verified, whose mount was not proven, or with skipped checks",
    },
    create: {
      type: "boolean",
      describe: "create the channel if it does not exist (stable and canary need no --create)",
    },
  },
  common: ["template", "workspace", "dry-run"],
  changes: true,
  whenMissing: ([given]) =>
    given === undefined
      ? "Which version, and which channel?"
      : looksLikeVersion(given)
        ? "Which channel?"
        : "Which version?",
  examples: ['promote 0.26.0 stable --reason "fixes write bursts"', "promote debian@0.26.0-1 canary"],
  exits: UNREADABLE,
  load: () => import("../handlers/promote"),
};
export const rollbackCommand: CommandSpec = {
  usage: "rollback <channel>",
  describe: "point a channel at the version before",
  options: {
    ...REASON,
    to: { type: "string", value: "REF", describe: "go to this version instead of the one before" },
  },
  common: ["template", "workspace", "dry-run"],
  changes: true,
  examples: ['rollback stable --reason "mounts time out"', "rollback stable --to 0.20.0"],
  exits: UNREADABLE,
  load: () => import("../handlers/rollback"),
};
export const revokeCommand: CommandSpec = {
  usage: "revoke <id>",
  describe: "withdraw a version: it is never used or released again",
  details: "revoke never moves channels by itself; --rollback moves those that point at the version.",
  options: {
    ...REASON,
    rollback: { type: "boolean", describe: "roll back the channels that point at it" },
  },
  common: ["template", "dry-run"],
  changes: true,
  examples: ['revoke debian@0.26.0-1 --reason "mounts time out" --rollback'],
  exits: UNREADABLE,
  load: () => import("../handlers/revoke"),
};
export const unrevokeCommand: CommandSpec = {
  usage: "unrevoke <id>",
  describe: "undo the revocation of a version",
  options: REASON,
  common: ["template", "dry-run"],
  changes: true,
  examples: ['unrevoke debian@0.26.0-1 --reason "the network was at fault"'],
  exits: UNREADABLE,
  load: () => import("../handlers/unrevoke"),
};
export const historyCommand: CommandSpec = {
  usage: "history [channel]",
  describe: "show who moved which channel, when and why",
  common: ["template"],
  examples: ["history stable"],
  exits: UNREADABLE,
  load: () => import("../handlers/history"),
};
export const channelsCommand: CommandSpec = {
  usage: "channels",
  describe: "show where the channels point, or delete one",
  options: { ...REASON, delete: { type: "string", value: "NAME", describe: "delete this channel" } },
  common: ["template", "workspace", "dry-run"],
  changes: true,
  examples: ["channels", "channels --delete nightly"],
  exits: UNREADABLE,
  load: () => import("../handlers/channels"),
};
export const manifestCheckCommand: CommandSpec = {
  usage: "manifest check [file]",
  describe: "validate the manifest",
  examples: ["manifest check"],
  exits: { 8: "the manifest is invalid" },
  load: () => import("../handlers/manifest-check"),
};
export const manifestMergeCommand: CommandSpec = {
  usage: "manifest merge [files..]",
  describe: "merge the manifests of parallel jobs",
  changes: true,
  examples: ["manifest merge a/manifest.json b/manifest.json"],
  exits: { 8: "a manifest is invalid, or the manifests contradict each other" },
  load: () => import("../handlers/manifest-merge"),
};
export const reportCommand: CommandSpec = {
  usage: "report",
  describe: "write an HTML page of channels, versions, sizes, smoke times, packages and drift",
  options: {
    output: { type: "string", value: "FILE", describe: "write to this file (default: report.html)" },
    drift: {
      type: "boolean",
      describe: "skip the drift check, which asks upstreams and Blaxel",
      default: true,
    },
  },
  common: ["workspace", "upstream"],
  examples: ["report --output public/index.html"],
  load: () => import("../handlers/report"),
};
export const matrixCommand: CommandSpec = {
  usage: "matrix [versions..]",
  describe: "print templates × Mesa versions for the parallel jobs of a pipeline",
  details: "Without versions: everything that is locked and not verified yet.",
  options: {
    needed: { type: "boolean", describe: "with versions: leave out what is up to date" },
    all: { type: "boolean", describe: "without versions: also what is up to date" },
  },
  common: ["template", "upstream"],
  examples: ["matrix 0.20.0 0.26.0 --json"],
  load: () => import("../handlers/matrix"),
};
