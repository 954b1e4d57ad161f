import type { CommandHandler } from "../command";
import { fitted } from "../output/table";
import { examine } from "../../doctor/doctor";
import { Failure } from "../../support/errors";
import { collectGarbage } from "../../gc/collect";
import type { Outcome } from "../../gc/removal";

export const doctorCommand: CommandHandler = async (_args, context) => {
  const found = await examine(context);
  // A check that an interruption cut off is not a finding.
  context.host.signal.throwIfAborted();
  const bad = found.filter(({ ok }) => !ok);
  const missing = new Failure({
    code: "DOCTOR",
    kind: "environment",
    message: `Missing: ${bad.map(({ name }) => name).join(", ")}.`,
    hint: "Follow the advice of each finding.",
  });
  return {
    error: bad.length === 0 ? undefined : missing,
    json: { findings: found },
    text: fitted(
      found
        .map(
          ({ ok, name, seen, todo }) =>
            `${ok ? "ok  " : "MISS"} ${name.padEnd(18)}  ${seen}\n${todo === undefined ? "" : `     what to do: ${todo}\n`}`,
        )
        .join(""),
      context.terminal.width,
    ),
  };
};

export const gcCommand: CommandHandler = async (args, context) => {
  const remove = args.flag("yes") && !context.dryRun;
  const { outcomes, kept, notLookedAt, failure } = await collectGarbage(context, remove);
  return {
    error: failure,
    json: {
      dryRun: !remove,
      removals: outcomes.map((one) => ({ ...one, failure: undefined })),
      kept: kept.map(({ entry, why }) => ({ id: entry.id, why })),
      ...(notLookedAt === undefined ? {} : { notLookedAt }),
    },
    text: [
      ...outcomes.map(outcomeText),
      ...(notLookedAt === undefined ? [] : [`local images and containers were not checked: ${notLookedAt}`]),
      ...(outcomes.length === 0 ? ["Nothing to remove."] : []),
      ...(remove || outcomes.length === 0 ? [] : ["This was a dry run; --yes removes them."]),
    ].join("\n"),
  };
};

function outcomeText({ what, name, why, outcome, message = "" }: Outcome): string {
  const item = `${what} ${name.replace(/^((?:sha256:)?[0-9a-f]{12})[0-9a-f]{52}$/u, "$1")}`;
  if (outcome === "planned") return `${item} would be removed (${why})`;
  if (outcome === "removed") return `${item} removed (${why})`;
  return `${item} ${outcome === "stays" ? "stays" : "could not be removed"}: ${message}`;
}
