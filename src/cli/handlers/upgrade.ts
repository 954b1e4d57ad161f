import gt from "semver/functions/gt";
import type { CommandArgs, CommandContext, CommandHandler, CommandOutcome } from "../command";
import { wrongUsage } from "../command-line";
import { measuredVersion } from "../records";
import { sortedEntries } from "../ref";
import { templateFolders } from "../template-folders";
import { compareInputs, compareVersions } from "../../compare/compare";
import type { Comparison } from "../../compare/comparison";
import { summaryText } from "../../compare/summary";
import { comparisonText, isSame } from "../../compare/text";
import { availableVersions, newestVersion, loadUpstream, parseMesaVersion } from "../../lock/index";
import type { Manifest, ManifestEntry } from "../../manifest/entry";
import { readManifest } from "../../manifest/index";
import { freshlyLocked } from "../../release/fresh-lock";
import { realStages } from "../../release/real-stages";
import { releaseAll } from "../../release/release";
import type { ReleaseRequest, TemplateResult } from "../../release/request";
import { checkBranchPossible, commitOnBranch } from "../../release/upgrade-branch";
import { Failure } from "../../support/errors";
import { EXIT_CODES } from "../../support/exit-codes";
import { outcome as releaseOutcome, releaseRequest } from "./release";
import { paths } from "../../support/paths";

const PATHS_ON_A_TERMINAL = 20;
const PATHS_IN_A_COMMIT = 50;

export const run: CommandHandler = async (args, context) => {
  const full = args.flag("full");
  const templates = await templateFolders(context);
  const manifest = await readManifest(paths(context.root).manifest);
  const before = templates.map((template) => newestProven(manifest, template));
  const version = await targetVersion(args, context);
  refuseDowngrade(before, version);
  const request = {
    ...releaseRequest(args, context, version, templates),
    relock: before.some((entry) => entry.mesaVersion === version) || args.flag("relock"),
    deploy: false,
  };
  if (context.dryRun)
    return planned(await plansWithoutBuild(context, request, before), context, version, full);
  const branch = args.flag("branch")
    ? (args.text("branch-name") ?? `mesa-template/upgrade-${version}`)
    : undefined;
  if (branch !== undefined) await checkBranchPossible(context.host, context.root, branch);
  const results = await releaseAll(context.host, request, realStages);
  if (results.some((result) => result.error !== undefined)) return releaseOutcome(results, context);
  const plans = await plansOf(context, before, results);
  if (branch !== undefined) {
    const message = `Upgrade to Mesa ${version}\n\n${plans.map((plan) => comparisonText(plan, PATHS_IN_A_COMMIT)).join("\n")}`;
    const after = await readManifest(paths(context.root).manifest);
    const made = results.flatMap(({ id }) => after.versions[id ?? ""] ?? []);
    const commit = await commitOnBranch(context.host, context.root, branch, message, made);
    return planned(plans, context, version, full, commit === undefined ? undefined : { branch, commit });
  }
  if (!args.flag("deploy")) return planned(plans, context, version, full);
  context.terminal.stderr(plansText(plans, context, full));
  const deployed = await releaseAll(context.host, { ...request, relock: false, deploy: true }, realStages);
  const outcome = releaseOutcome(deployed, context);
  return { ...outcome, json: { ...outcome.json, version, plans } };
};

/** What an upgrade starts from: the template's newest version that was proven. */
function newestProven(manifest: Manifest, template: string): ManifestEntry {
  const found = sortedEntries(manifest).find(
    (entry) =>
      entry.template === template && ["smoked", "deployed", "verified", "removed"].includes(entry.status),
  );
  if (found !== undefined) return found;
  throw wrongUsage(
    `There is no version of ${template} yet to upgrade from.`,
    "Release the first one: mesa-template release VERSION. --template narrows an upgrade.",
  );
}

async function targetVersion(args: CommandArgs, context: CommandContext): Promise<string> {
  const given = args.text("mesa-version");
  if (given !== undefined) return parseMesaVersion(given);
  const upstream = await loadUpstream(context.upstream ?? paths(context.root).upstream);
  const listed = await availableVersions(context.host, upstream, paths(context.root).cache);
  const newest = newestVersion(listed ?? [], args.flag("prerelease"));
  if (newest !== undefined) return newest;
  throw new Failure({
    code: "NO_VERSIONS",
    kind: "upstream",
    message: `${upstream.mesa.repository} shows no list of versions, so the newest is not known.`,
    hint: "Give the version: mesa-template upgrade VERSION.",
  });
}

function refuseDowngrade(before: readonly ManifestEntry[], version: string): void {
  const newer = before.find((entry) => gt(entry.mesaVersion, version));
  if (newer === undefined) return;
  throw wrongUsage(
    `${version} is older than ${newer.id}, which is there already.`,
    "To go back: mesa-template rollback CHANNEL. To build an older version: mesa-template release VERSION.",
  );
}

async function plansOf(
  context: CommandContext,
  before: readonly ManifestEntry[],
  results: readonly TemplateResult[],
): Promise<readonly Comparison[]> {
  const manifest = await readManifest(paths(context.root).manifest);
  return Promise.all(
    before.map(async (from, at) => {
      const to = manifest.versions[results[at]?.id ?? ""];
      if (to === undefined) throw new Error(`${from.template} was released but is not recorded`);
      return compareVersions(
        await measuredVersion(context.root, from),
        await measuredVersion(context.root, to),
      );
    }),
  );
}

async function plansWithoutBuild(
  { host, root }: CommandContext,
  request: ReleaseRequest,
  before: readonly ManifestEntry[],
): Promise<readonly Comparison[]> {
  return Promise.all(
    before.map(async (entry) => {
      const { version, upstreamPath } = request;
      const fresh = await freshlyLocked(host, { root, upstreamPath, version, template: entry.template });
      const { record } = await measuredVersion(root, entry);
      return compareInputs(record, { ...fresh, id: `${entry.template}@${version} (not built)` });
    }),
  );
}

function plansText(plans: readonly Comparison[], { terminal }: CommandContext, full: boolean): string {
  if (!full) return plans.map(summaryText).join("\n");
  const most = terminal.width === undefined ? Infinity : PATHS_ON_A_TERMINAL;
  return plans.map((plan) => comparisonText(plan, most)).join("\n");
}

function planned(
  plans: readonly Comparison[],
  context: CommandContext,
  version: string,
  full: boolean,
  made?: { readonly branch: string; readonly commit: string },
): CommandOutcome {
  const next =
    made === undefined
      ? plans.every(isSame)
        ? ""
        : `\nDeploy it: mesa-template release ${version}\n`
      : `\nCommitted on ${made.branch} (${made.commit.slice(0, 12)}): git push -u origin ${made.branch}\n`;
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, version, plans, branch: made?.branch ?? null, commit: made?.commit ?? null },
    text: plansText(plans, context, full) + next,
  };
}
