import type { CommandHandler } from "../command";
import { collectGarbage } from "../../gc/collect";
import { outcomeDocument, outcomeText } from "../../gc/removal";

export const run: CommandHandler = async (args, context) => {
  const remove = args.flag("yes") && !context.dryRun;
  const { outcomes, kept, notLookedAt, failure } = await collectGarbage(context, {
    root: context.root,
    remove,
  });
  return {
    error: failure,
    json: {
      dryRun: !remove,
      removals: outcomes.map(outcomeDocument),
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
