import type { CommandContext, CommandHandler, CommandOutcome } from "../command";
import { fitted } from "../table";
import { templateFolders } from "../template-folders";
import type { Comparison } from "../../compare/comparison";
import { summaryText } from "../../compare/summary";
import { comparisonText, isSame } from "../../compare/text";
import { parseMesaVersion } from "../../lock/mesa-version";
import { upgrade, type Upgrade } from "../../release/upgrade";
import { outcome as releaseOutcome, releaseOptions } from "./release";

const PATHS_ON_A_TERMINAL = 20;

export const run: CommandHandler = async (args, context) => {
  const given = args.text("mesa-version");
  const version = given === undefined ? undefined : parseMesaVersion(given);
  const templates = templateFolders(context);
  const text = (plans: readonly Comparison[]): string => plansText(plans, context, args.flag("full"));
  const upgraded = await upgrade(
    context.host,
    {
      release: await releaseOptions(args, context, templates),
      version,
      prerelease: args.flag("prerelease"),
      dryRun: context.dryRun,
      branch: args.flag("branch") ? (args.text("branch-name") ?? "default") : undefined,
    },
    (plans) => {
      context.terminal.stderr(text(plans));
    },
  );
  const { results, plans } = upgraded;
  if (results === undefined) return planned(upgraded, text(plans));
  const outcome = releaseOutcome(results, context);
  return plans.length === 0
    ? outcome
    : { ...outcome, json: { ...outcome.json, version: upgraded.version, plans } };
};

function plansText(plans: readonly Comparison[], { terminal }: CommandContext, full: boolean): string {
  if (!full) return fitted(plans.map(summaryText).join("\n"), terminal.width);
  const most = terminal.width === undefined ? Infinity : PATHS_ON_A_TERMINAL;
  return plans.map((plan) => comparisonText(plan, most)).join("\n");
}

function planned({ version, plans, commit }: Upgrade, text: string): CommandOutcome {
  const deploy = plans.every(isSame) ? "" : `\nDeploy it: mesa-template release ${version}\n`;
  const next =
    commit === undefined
      ? deploy
      : `\nCommitted on ${commit.branch} (${commit.commit.slice(0, 12)}): git push -u origin ${commit.branch}\n`;
  return {
    json: { version, plans, branch: commit?.branch ?? null, commit: commit?.commit ?? null },
    text: text + next,
  };
}
