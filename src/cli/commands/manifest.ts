import type { CommandSpec } from "../command";

const REASON = { reason: { type: "string", describe: "why, kept in the history" } } as const;

export const listCommand: CommandSpec = {
  usage: "list",
  describe: "versions, newest first",
  options: {
    status: { type: "string", describe: "only this status" },
    channel: { type: "string", describe: "only what this channel points at" },
  },
  load: () => import("../handlers/list"),
};
export const showCommand: CommandSpec = {
  usage: "show <id>",
  describe: "everything known of one version",
  load: () => import("../handlers/show"),
};
export const resolveCommand: CommandSpec = {
  usage: "resolve <ref>",
  describe: "print the immutable image of a version or channel, for scripts",
  load: () => import("../handlers/resolve"),
};
export const promoteCommand: CommandSpec = {
  usage: "promote <ref> <channel>",
  describe: "point a channel at a version",
  options: {
    ...REASON,
    unverified: {
      type: "boolean",
      describe: "also what was not verified, whose mount was not proven, or with skipped checks",
    },
    create: {
      type: "boolean",
      describe: "create the channel if it does not exist (stable and canary need no --create)",
    },
  },
  load: () => import("../handlers/promote"),
};
export const rollbackCommand: CommandSpec = {
  usage: "rollback <channel>",
  describe: "take a channel back to what it pointed at before",
  options: { ...REASON, to: { type: "string", describe: "back to this version" } },
  load: () => import("../handlers/rollback"),
};
export const revokeCommand: CommandSpec = {
  usage: "revoke <id>",
  describe: "withdraw a version: it is never used or released again",
  options: { ...REASON, rollback: { type: "boolean", describe: "take channels that point at it back" } },
  load: () => import("../handlers/revoke"),
};
export const unrevokeCommand: CommandSpec = {
  usage: "unrevoke <id>",
  describe: "take a revocation back",
  options: REASON,
  load: () => import("../handlers/unrevoke"),
};
export const historyCommand: CommandSpec = {
  usage: "history [channel]",
  describe: "who moved which channel when, and why",
  load: () => import("../handlers/history"),
};
export const channelsCommand: CommandSpec = {
  usage: "channels",
  describe: "where the channels point",
  options: { ...REASON, delete: { type: "string", requiresArg: true, describe: "end this channel" } },
  load: () => import("../handlers/channels"),
};
export const manifestCheckCommand: CommandSpec = {
  usage: "manifest check [file]",
  describe: "validate the manifest",
  load: () => import("../handlers/manifest-check"),
};
export const manifestMergeCommand: CommandSpec = {
  usage: "manifest merge [files..]",
  describe: "join the manifests of parallel CI jobs",
  load: () => import("../handlers/manifest-merge"),
};
export const gcCommand: CommandSpec = {
  usage: "gc",
  describe:
    "remove old images here and on Blaxel, by the rules of templates/retention.toml (a dry run unless --yes)",
  options: { yes: { type: "boolean", describe: "do it" } },
  load: () => import("../handlers/gc"),
};
export const reportCommand: CommandSpec = {
  usage: "report",
  describe: "one HTML page: channels, moves, versions, sizes, smoke times, packages, drift",
  options: {
    output: { type: "string", describe: "file to write (default: report.html)" },
    drift: {
      type: "boolean",
      describe: "look for drift, which asks upstreams and Blaxel (--no-drift: not)",
      default: true,
    },
  },
  load: () => import("../handlers/report"),
};
