import { flag, text, type CommandGroup } from "../command";
import { looksLikeVersion } from "../line/command-line";

const REASON = { reason: text("TEXT", "why; kept in the history") } as const;
const REQUIRED_REASON = { reason: text("TEXT", "why (required); kept in the history") } as const;
const UNREADABLE = { 8: "the manifest cannot be read or written, or has a conflict" } as const;

export const VERSIONS: CommandGroup = {
  title: "Versions and channels",
  commands: [
    {
      usage: "list",
      describe: "list versions, newest first",
      options: {
        status: text("STATUS", "only this status: smoked, deployed, verified, failed, revoked or removed"),
        channel: text("NAME", "only versions that this channel points at"),
      },
      common: ["template", "workspace"],
      examples: ["list", "list --status verified --template debian --json"],
      exits: UNREADABLE,
      load: async () => (await import("../handlers/versions")).listCommand,
    },
    {
      usage: "show <id>",
      describe: "show everything recorded about one version",
      common: ["template", "workspace"],
      examples: ["show debian@0.20.0-1", "show stable --template debian"],
      exits: UNREADABLE,
      load: async () => (await import("../handlers/versions")).showCommand,
    },
    {
      usage: "resolve <ref>",
      describe: "print the immutable image of a version or channel, for scripts",
      common: ["template", "workspace"],
      examples: ["resolve stable --template debian"],
      exits: { 7: "the version is not deployed in the workspace", ...UNREADABLE },
      load: async () => (await import("../handlers/versions")).resolveCommand,
    },
    {
      usage: "promote <ref> <channel>",
      describe: "point a channel at a version",
      details:
        "A channel points only at versions that were deployed and verified. A Mesa version is promoted for every template or for none.",
      options: {
        ...REASON,
        unverified: flag(
          "allow a version that was not verified, whose mount was not proven, or with skipped checks",
        ),
        create: flag("create the channel if it does not exist (stable and canary need no --create)"),
      },
      common: ["template", "workspace", "dry-run"],
      whenMissing: ([given]) =>
        given === undefined
          ? "Which version, and which channel?"
          : looksLikeVersion(given)
            ? "Which channel?"
            : "Which version?",
      examples: ['promote 0.26.0 stable --reason "fixes write bursts"', "promote debian@0.26.0-1 canary"],
      exits: UNREADABLE,
      load: async () => (await import("../handlers/channels")).promoteCommand,
    },
    {
      usage: "rollback <channel>",
      describe: "point a channel at its previous version again",
      options: {
        ...REASON,
        to: text("REF", "go to this version instead of the previous one"),
      },
      common: ["template", "workspace", "dry-run"],
      examples: ['rollback stable --reason "mounts time out"', "rollback stable --to 0.20.0"],
      exits: UNREADABLE,
      load: async () => (await import("../handlers/channels")).rollbackCommand,
    },
    {
      usage: "revoke <id>",
      describe: "withdraw a version: nothing uses or releases it until unrevoke",
      details: "revoke never moves channels by itself; --rollback moves those that point at the version.",
      options: {
        ...REQUIRED_REASON,
        rollback: flag("roll back the channels that point at it"),
      },
      common: ["template", "dry-run"],
      examples: ['revoke debian@0.26.0-1 --reason "mounts time out" --rollback'],
      exits: UNREADABLE,
      load: async () => (await import("../handlers/revoke")).revokeCommand,
    },
    {
      usage: "unrevoke <id>",
      describe: "undo the revocation of a version",
      options: REQUIRED_REASON,
      common: ["template", "dry-run"],
      examples: ['unrevoke debian@0.26.0-1 --reason "the network was at fault"'],
      exits: UNREADABLE,
      load: async () => (await import("../handlers/revoke")).unrevokeCommand,
    },
    {
      usage: "channels",
      describe: "show where the channels point, or delete one",
      options: { ...REASON, delete: text("NAME", "delete this channel") },
      common: ["template", "workspace", "dry-run"],
      examples: ["channels", "channels --delete nightly"],
      exits: UNREADABLE,
      load: async () => (await import("../handlers/channels")).channelsCommand,
    },
    {
      usage: "history [channel]",
      describe: "show who moved which channel, when and why",
      common: ["template"],
      examples: ["history stable"],
      exits: UNREADABLE,
      load: async () => (await import("../handlers/channels")).historyCommand,
    },
    {
      usage: "report",
      describe: "write an HTML page of channels, versions, sizes, smoke times, packages and drift",
      options: {
        output: text("FILE", "write to this file (default: report.html)"),
        drift: flag("skip the drift check, which asks upstreams and Blaxel", { default: true }),
      },
      common: ["workspace", "upstream"],
      refusesDryRun: true,
      examples: ["report --output public/index.html"],
      load: async () => (await import("../handlers/drift")).reportCommand,
    },
  ],
};
