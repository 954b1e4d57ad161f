import { channelsAt, versionNamed } from "../../manifest/channels/pointing";
import { revoke, unrevoke } from "../../manifest/channels/revoke";
import { rollbackTarget } from "../../manifest/channels/rollback";
import type { Manifest } from "../../manifest/entry";
import { type Failure, wrongUsage } from "../../support/errors";
import type { CommandArgs } from "../line/arguments";
import type { CommandContext, CommandHandler, Terminal } from "../command";
import { changeManifest, openManifest, reasonGiven } from "../manifest-context";

export const revokeCommand: CommandHandler = async (args, context) => {
  const { terminal, dryRun } = context;
  const reason = reasonIn(args, context, "everyone who uses the version sees it");
  const { manifest, entry } = await openManifest(context);
  const { id, template } = entry(args.required("id"));
  const pointing = channelsAt(manifest, id);
  const withRollback =
    args.flag("rollback") || (pointing.length > 0 && (await asked(terminal, manifest, id)));
  const { before, after, moves, dry } = await changeManifest(
    context,
    reason,
    (now, facts) => {
      const since = channelsAt(now, id).filter((channel) => !pointing.includes(channel));
      if (since.length > 0 && !withRollback) throw refusal(since, id);
      return revoke(now, id, facts, withRollback);
    },
    () => `Revoke ${id}`,
  );
  const already = versionNamed(before, id)?.status === "revoked";
  const kept = versionNamed(after, id)?.revocation?.reason ?? reason;
  const left = channelsAt(after, id);
  return {
    json: { id, reason: kept, alreadyRevoked: already, channels: pointing, moves, dryRun },
    text: [
      `${id} ${already ? "was revoked already" : "revoked"}: ${kept}${dry}`,
      ...moves.flatMap((move) =>
        move.channel === null ? [] : `${move.channel} → ${move.to ?? "nothing (the channel ends)"}`,
      ),
      ...left.map(
        (channel) =>
          `${channel} still points at it, and fails until it is moved: mesa-template ${rollbackTarget(after, template, channel) === undefined ? "channels --delete" : "rollback"} ${channel} --template ${template}`,
      ),
    ].join("\n"),
  };
};

/** @throws Failure USAGE (exit 2) without a reason */
function reasonIn(args: CommandArgs, context: CommandContext, what: string): string {
  const reason = reasonGiven(args, context);
  if (reason !== undefined) return reason;
  throw wrongUsage("--reason is missing.", `Give the reason with --reason TEXT: ${what}.`);
}

function refusal(channels: readonly string[], id: string): Failure {
  return wrongUsage(
    `${sentence(channels, id)}; revoke never moves channels by itself.`,
    "Use --rollback to move them back to their previous version, or promote another version first.",
  );
}

function sentence(channels: readonly string[], id: string): string {
  return `${channels.join(", ")} point${channels.length === 1 ? "s" : ""} at ${id}`;
}

/**
 * Asks on a terminal whether to roll channels back.
 * @throws Failure USAGE (exit 2) without a terminal, or on "no"
 */
async function asked(terminal: Terminal, manifest: Manifest, id: string): Promise<boolean> {
  const channels = channelsAt(manifest, id);
  if (!terminal.interactive) throw refusal(channels, id);
  const template = versionNamed(manifest, id)?.template ?? "";
  const back = channels.map(
    (channel) =>
      `${channel} → ${rollbackTarget(manifest, template, channel) ?? "nothing (the channel ends)"}`,
  );
  if (await terminal.confirm(`${sentence(channels, id)}. Roll back (${back.join(", ")})?`)) return true;
  if (
    await terminal.confirm(`Revoke ${id} anyway? Using ${channels.join(", ")} will fail until it is moved.`)
  )
    return false;
  throw wrongUsage("Nothing was revoked.");
}

export const unrevokeCommand: CommandHandler = async (args, context) => {
  const { dryRun } = context;
  const reason = reasonIn(args, context, "why the version may be used again");
  const { entry } = await openManifest(context);
  const { id } = entry(args.required("id"));
  const { after, dry } = await changeManifest(
    context,
    reason,
    (now, facts) => unrevoke(now, id, facts),
    () => `Unrevoke ${id}`,
  );
  const status = after.versions[id]?.status ?? null;
  return {
    json: { id, reason, status, dryRun },
    text: `${id} is ${status ?? "gone"} again: ${reason}${dry}\n`,
  };
};
