import gt from "semver/functions/gt";
import { compareVersions } from "../../compare/compare";
import type { Comparison } from "../../compare/comparison";
import { comparisonText } from "../../compare/text";
import { availableVersions, newestVersion } from "../../lock/index";
import type { Manifest, ManifestEntry } from "../../manifest/entry";
import { readManifest } from "../../manifest/index";
import { sortedEntries } from "../../manifest/versions/newest";
import type { Measured } from "../../record/record";
import { measuredVersion } from "../../record/store";
import { Failure, wrongUsage } from "../../support/errors";
import { paths } from "../../support/files/paths";
import { compareWithFreshLock } from "../lock";
import { releaseAll } from "../release";
import type { ReleaseRequest, TemplateResult } from "../request";
import { sourcesOf, type Run } from "../run";
import { checkBranchPossible, commitOnBranch, restoreFromHead } from "./upgrade-branch";

const PATHS_IN_A_COMMIT = 50;

export interface UpgradeRequest {
  /** How to release the new version. */
  readonly release: Omit<ReleaseRequest, "version">;
  /** Undefined: the newest one upstream. */
  readonly version: string | undefined;
  /** Whether a prerelease counts as the newest. */
  readonly prerelease: boolean;
  /** Build nothing; the plan compares inputs only. */
  readonly dryRun: boolean;
  /** Branch for the commit; "default": mesa-template/upgrade-VERSION. */
  readonly branch: string | undefined;
}

export interface Upgrade {
  readonly version: string;
  /** The changes of each template; empty if the release failed. */
  readonly plans: readonly Comparison[];
  /** Results of the release; undefined if nothing was built. */
  readonly results?: readonly TemplateResult[];
  readonly commit?: { readonly branch: string; readonly commit: string } | undefined;
}

/**
 * Releases a newer Mesa version of each template that has a proven one, and reports the changes.
 * @param onPlans called before a deploy, with the changes it makes
 * @throws Failure USAGE (exit 2) without a version to upgrade from, or if the given one is older, NO_VERSIONS (exit 4), GIT_… (exit 3)
 */
export async function upgrade(
  run: Run,
  { release, version: wanted, prerelease, dryRun, branch }: UpgradeRequest,
  onPlans: (plans: readonly Comparison[]) => void,
): Promise<Upgrade> {
  const { host, root } = run;
  const manifest = await readManifest(paths(root).manifest);
  const before = release.templates.flatMap((template) => {
    const found = newestProven(manifest, template);
    if (found === undefined) host.emit({ type: "note", template, message: "no version to upgrade from yet" });
    return found ?? [];
  });
  if (before.length === 0)
    throw wrongUsage(
      "There is no version to upgrade from yet.",
      "Release the first one: mesa-template release VERSION",
    );
  const version = wanted ?? (await newestListed(run, prerelease));
  refuseDowngrade(before, version);
  const request: ReleaseRequest = {
    ...release,
    templates: before.map(({ template }) => template),
    version,
    relock: release.relock || before.some((entry) => entry.mesaVersion === version),
    deploy: false,
    // What is built first is published, and so signed, only when it is deployed.
    signer: undefined,
  };
  if (dryRun) {
    const plans = before.map((entry) =>
      compareWithFreshLock(run, entry, version, `${entry.template}@${version} (not built)`),
    );
    return { version, plans: await Promise.all(plans) };
  }
  const onBranch = branch === "default" ? `mesa-template/upgrade-${version}` : branch;
  if (onBranch !== undefined) await checkBranchPossible(host, root, onBranch);
  const { realStages } = await import("../stages/stages");
  const stages = realStages(run);
  // Read first: a version that is built again gets another record.
  const measured = await Promise.all(before.map((from) => measuredVersion(root, from)));
  try {
    const results = await releaseAll(run, request, stages);
    if (results.some(({ error }) => error !== undefined)) return { version, plans: [], results };
    const plans = await plansOf(root, measured, results);
    if (onBranch !== undefined) {
      const message = `Upgrade to Mesa ${version}\n\n${plans.map((plan) => comparisonText(plan, PATHS_IN_A_COMMIT)).join("\n")}`;
      const after = await readManifest(paths(root).manifest);
      const made = results.flatMap(({ id }) => after.versions[id ?? ""] ?? []);
      const commit = await commitOnBranch(host, root, onBranch, message, manifest, made);
      return { version, plans, ...(commit === undefined ? {} : { commit: { branch: onBranch, commit } }) };
    }
    if (!release.deploy) return { version, plans };
    onPlans(plans);
    // What is deployed is the image that was compared.
    const { signer } = release;
    const deploying = { ...request, relock: false, refresh: false, force: false, deploy: true, signer };
    return { version, plans, results: await releaseAll(run, deploying, stages) };
  } finally {
    // What a run leaves below dockerfiles/, a failed one too, would keep --branch from running again.
    if (onBranch !== undefined) await restoreFromHead(host, root, manifest, request);
  }
}

/** The start of an upgrade: the template's newest proven version; undefined if it has none. */
function newestProven(manifest: Manifest, template: string): ManifestEntry | undefined {
  return sortedEntries(manifest).find(
    (entry) =>
      entry.template === template && ["smoked", "deployed", "verified", "removed"].includes(entry.status),
  );
}

async function newestListed(run: Run, prerelease: boolean): Promise<string> {
  const sources = await sourcesOf(run);
  const listed = await availableVersions(sources);
  const newest = newestVersion(listed ?? [], prerelease);
  if (newest !== undefined) return newest;
  throw new Failure({
    code: "NO_VERSIONS",
    kind: "upstream",
    message: `${sources.upstream.mesa.repository} has no list of versions, so the newest one is unknown.`,
    hint: "Give the version: mesa-template upgrade VERSION.",
  });
}

function refuseDowngrade(before: readonly ManifestEntry[], version: string): void {
  const newer = before.find((entry) => gt(entry.mesaVersion, version));
  if (newer === undefined) return;
  throw wrongUsage(
    `${version} is older than ${newer.id}, which is already in the manifest.`,
    "To go back: mesa-template rollback CHANNEL. To build an older version: mesa-template release VERSION.",
  );
}

async function plansOf(
  root: string,
  before: readonly Measured[],
  results: readonly TemplateResult[],
): Promise<readonly Comparison[]> {
  const manifest = await readManifest(paths(root).manifest);
  return Promise.all(
    before.map(async (from, at) => {
      const to = manifest.versions[results[at]?.id ?? ""];
      if (to === undefined) throw new Error(`${from.record.template} was released but not recorded`);
      return compareVersions(from, await measuredVersion(root, to));
    }),
  );
}
