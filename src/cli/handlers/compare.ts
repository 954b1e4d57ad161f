import { compareVersions } from "../../compare/compare";
import type { Comparison } from "../../compare/comparison";
import { notesOf } from "../../compare/notes";
import { summaryText } from "../../compare/summary";
import { comparisonText, isSame } from "../../compare/text";
import { parseMesaVersion } from "../../lock/mesa-version";
import type { Manifest, ManifestEntry } from "../../manifest/entry";
import { imagesShown, statusShown } from "../../manifest/versions/in-workspace";
import { oneEntry } from "../../manifest/versions/ref";
import { sortedEntries } from "../../manifest/versions/newest";
import { measuredVersion } from "../../record/store";
import { compareWithFreshLock } from "../../release/lock";
import { upgrade, type Upgrade } from "../../release/upgrade/upgrade";
import type { CommandArgs } from "../line/arguments";
import type { CommandContext, CommandHandler, CommandOutcome } from "../command";
import { gitFor, openManifest, workspaceShown } from "../manifest-context";
import { fitted } from "../output/table";
import { outcome as releaseOutcome, releaseOptions } from "./release";
import { wrongUsage } from "../../support/errors";

const PATHS_ON_A_TERMINAL = 20;

export const diffCommand: CommandHandler = async (args, context) => {
  const { entries } = await openManifest(context);
  const a = entries(args.required("a"));
  const other = args.text("b");
  const comparisons = await Promise.all(
    other === undefined
      ? a.map((entry) => {
          const { template, mesaVersion } = entry;
          const id = `a fresh lock of ${template} ${mesaVersion}`;
          return compareWithFreshLock(context, entry, mesaVersion, id);
        })
      : pairs(a, entries(other)).map(async ([from, to]) =>
          compareVersions(await measuredVersion(context.root, from), await measuredVersion(context.root, to)),
        ),
  );
  return { json: { comparisons }, text: comparisonsText(comparisons, context, args.flag("full")) };
};

/** Pairs to compare. Two ids form one pair, whatever their templates; otherwise each template's version pairs with its other one. */
function pairs(
  a: readonly ManifestEntry[],
  b: readonly ManifestEntry[],
): readonly (readonly [ManifestEntry, ManifestEntry])[] {
  const [onlyA, onlyB] = [a[0], b[0]];
  if (a.length === 1 && b.length === 1 && onlyA !== undefined && onlyB !== undefined) return [[onlyA, onlyB]];
  const found = a.flatMap((from) => {
    const to = b.find(({ template }) => template === from.template);
    return to === undefined ? [] : [[from, to] as const];
  });
  if (found.length > 0) return found;
  throw wrongUsage(
    `No template has both: ${a.map(({ id }) => id).join(", ")} and ${b.map(({ id }) => id).join(", ")}.`,
    "Give two ids to compare versions of different templates.",
  );
}

export const notesCommand: CommandHandler = async (args, context) => {
  const { manifest, entries } = await openManifest(context);
  const workspace = await workspaceShown(context, manifest);
  const given = args.text("since");
  const notes = await Promise.all(
    entries(args.required("ref")).map(async (entry) => {
      const since =
        given === undefined ? versionBefore(manifest, entry) : oneEntry(manifest, given, [entry.template]);
      const measured = await measuredVersion(context.root, entry);
      const comparison =
        since === undefined
          ? undefined
          : compareVersions(await measuredVersion(context.root, since), measured);
      const [status, images] = [statusShown(entry, workspace), imagesShown(entry, workspace)];
      const markdown = notesOf(measured.record, { ...entry, status, images }, comparison);
      return { id: entry.id, since: since?.id ?? null, markdown };
    }),
  );
  return { json: { notes }, text: notes.map(({ markdown }) => markdown).join("\n") };
};

/** The previous version of the same template that is neither failed nor revoked. */
function versionBefore(manifest: Manifest, entry: ManifestEntry): ManifestEntry | undefined {
  const ofTemplate = sortedEntries(manifest).filter(({ template }) => template === entry.template);
  return ofTemplate
    .slice(ofTemplate.findIndex(({ id }) => id === entry.id) + 1)
    .find(({ status }) => status !== "failed" && status !== "revoked");
}

export const upgradeCommand: CommandHandler = async (args, context) => {
  const given = args.text("mesa-version");
  const version = given === undefined ? undefined : parseMesaVersion(given);
  refuseContradicting(args);
  const text = (plans: readonly Comparison[]): string => comparisonsText(plans, context, args.flag("full"));
  const upgraded = await upgrade(
    context,
    {
      release: await releaseOptions(args, context),
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
  if (results === undefined) return planned(upgraded, text(plans), context.root);
  const outcome = releaseOutcome(results);
  return plans.length === 0
    ? outcome
    : { ...outcome, json: { ...outcome.json, version: upgraded.version, plans } };
};

/** Refuses options of an upgrade of which one would be ignored. */
function refuseContradicting(args: CommandArgs): void {
  if (args.flag("branch") && args.flag("deploy"))
    throw wrongUsage(
      "--branch commits an upgrade to be reviewed and deploys nothing; --deploy deploys it at once.",
      "Give one of them. What was merged is deployed with: mesa-template release VERSION",
    );
  if (args.text("branch-name") !== undefined && !args.flag("branch"))
    throw wrongUsage("--branch-name names the branch of --branch.", "Give both, or neither.");
  const signs = ["sign-key", "sign"].find((name) => args.text(name) !== undefined);
  if (signs !== undefined && !args.flag("deploy"))
    throw wrongUsage(
      `--${signs} signs what is published, and an upgrade publishes nothing without --deploy.`,
      `Add --deploy, or remove --${signs}.`,
    );
}

function comparisonsText(
  comparisons: readonly Comparison[],
  { terminal: { width } }: CommandContext,
  full: boolean,
): string {
  if (!full) return fitted(comparisons.map(summaryText).join("\n"), width);
  const most = width === undefined ? Infinity : PATHS_ON_A_TERMINAL;
  return comparisons.map((one) => comparisonText(one, most)).join("\n");
}

function planned({ version, plans, commit }: Upgrade, text: string, root: string): CommandOutcome {
  const deploy = plans.every(isSame) ? "" : `\nDeploy it: mesa-template release ${version}\n`;
  const next =
    commit === undefined
      ? deploy
      : `\nCommitted on ${commit.branch} (${commit.commit.slice(0, 12)}): ${gitFor(root)} push -u origin ${commit.branch}\n`;
  return {
    json: { version, plans, branch: commit?.branch ?? null, commit: commit?.commit ?? null },
    text: text + next,
  };
}
