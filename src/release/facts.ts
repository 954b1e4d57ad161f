import { workspaceInUse } from "../blaxel/credentials";
import { pendingIn, readPending } from "../deploy/sending/pending";
import type { Lock } from "../lock/lock";
import { checkLock, lockCheckFailed, readLockAndCompare, type CheckedLock } from "../lock/check-lock";
import { channelsOf } from "../manifest/channels/pointing";
import type { ManifestEntry } from "../manifest/entry";
import { readManifest } from "../manifest/read";
import { inWorkspace } from "../manifest/versions/in-workspace";
import { differences } from "../render/project-folder";
import { fingerprintFrom, publishTarget, type Upstream } from "../lock/upstream";
import { renderTemplate } from "../render/render";
import type { RenderedTemplate } from "../render/rendered";
import { loadTemplate, type TemplateSource } from "../render/source";
import { Failure } from "../support/errors";
import { readIfPresent } from "../support/files/files";
import { paths } from "../support/files/paths";
import { keptEvidence } from "./proof/evidence";
import type { Facts } from "./plan";
import type { PlanRequest, Target } from "./request";
import { type Run, upstreamIfPresent } from "./run";
import { checksRun } from "./proof/test-files";

/** The facts of one template, and what its lock renders to; undefined without a usable lock. */
export interface Gathered {
  readonly facts: Facts;
  readonly rendered: RenderedTemplate | undefined;
}

/**
 * Gathers the facts of a release of one template from files alone: no engine, no network, no Blaxel.
 * @throws Failure LOCK_CHECK_FAILED (exit 2) if a lock was edited by hand or, with --frozen, does not fit; SIGN_WITHOUT_REGISTRY,
 * PUBLISH_TWICE (exit 2)
 */
export async function gatherFacts(run: Run, request: PlanRequest, template: string): Promise<Gathered> {
  const { root } = run;
  const [source, manifest, checks, workspace, upstream] = await Promise.all([
    loadTemplate(root, template),
    readManifest(paths(root).manifest),
    checksRun(root, template, request),
    request.deploy ? workspaceInUse(run.host) : undefined,
    upstreamIfPresent(run),
  ]);
  if (request.trustKey !== undefined) fingerprintFrom(request.trustKey, "--trust-key");
  const publish = request.deploy ? publishTarget(upstream, request.registry) : undefined;
  if (request.signer !== undefined && publish === undefined)
    throw new Failure({
      code: "SIGN_WITHOUT_REGISTRY",
      kind: "usage",
      message: `Provenance and SBOM are signed beside the image in its registry, and ${request.deploy ? "no registry is named" : "--no-deploy publishes none"}.`,
      hint: request.deploy
        ? "Name one: [publish] registry in upstream.toml, or --registry."
        : "Remove --no-deploy, or the option that signs.",
    });
  if (publish !== undefined && request.publish === "push")
    throw new Failure({
      code: "PUBLISH_TWICE",
      kind: "usage",
      message:
        "--publish push lets Blaxel build an image from the source; with a registry the proven image is published.",
      hint: "Remove --publish push, or the registry ([publish] registry in upstream.toml, --registry).",
    });
  const target = { ...request, template };
  if (request.frozen) {
    const checked = await checkLocks(run, [target]);
    if (checked.some(({ problems }) => problems.length > 0)) throw lockCheckFailed(checked);
  }
  const { lock, stale } = await fittingLock(root, target, source, upstream);
  const rendered = lock === undefined ? undefined : renderTemplate(source, lock);
  const entries = Object.values(manifest.versions).filter((entry) => entry.template === template);
  const facts: Facts = {
    request,
    template,
    staleLock: stale,
    ...checks,
    budgetMegabytes: source.settings.image.budgetMegabytes,
    workspace: workspace ?? onlyWorkspace(entries, rendered?.inputsDigest),
    entries,
    channels: channelsOf(manifest, template),
    ...(publish === undefined ? {} : { publish: { ...publish, name: source.settings.sandbox.name } }),
    cannotRun: [],
    image: undefined,
    done: [],
    inputsDigest: undefined,
    folderDiffers: [],
    kept: {},
  };
  return rendered === undefined
    ? { facts, rendered }
    : { rendered, facts: await withRendered(root, facts, rendered) };
}

/** The facts completed with what the template renders to. */
export async function withRendered(root: string, facts: Facts, rendered: RenderedTemplate): Promise<Facts> {
  const { inputsDigest, template } = rendered;
  const pending = await readPending(
    paths(root).stageResult(template, inputsDigest, pendingIn(facts.workspace)),
  );
  const { smoke, deployment } = await keptEvidence(root, { template, inputsDigest }, facts.workspace);
  // Another checkout may have deployed and recorded these inputs since.
  const isOutdated = facts.entries
    .filter((entry) => entry.inputsDigest === inputsDigest)
    .map((entry) => inWorkspace(entry, facts.workspace).deployment?.deployedAt ?? "")
    .some((deployedAt) => deployedAt > (deployment?.deployedAt ?? ""));
  return {
    ...facts,
    inputsDigest,
    folderDiffers: await differences(root, rendered),
    kept: {
      smoke,
      deployment: isOutdated ? undefined : deployment,
      isSent: pending !== undefined && pending.workspace === facts.workspace,
    },
  };
}

/** Without a named workspace, the only one that holds the version. */
function onlyWorkspace(
  entries: readonly ManifestEntry[],
  inputsDigest: string | undefined,
): string | undefined {
  const names = new Set(
    entries
      .filter((entry) => entry.inputsDigest === inputsDigest)
      .flatMap(({ deployments }) => Object.keys(deployments)),
  );
  const [only] = names;
  return names.size === 1 ? only : undefined;
}

/** A template's lock, unless `relock`, or template.toml and upstream.toml name other inputs now; then it is `stale`, and why. */
export async function fittingLock(
  root: string,
  { template, version, relock }: Target & { readonly relock: boolean },
  { settings }: TemplateSource,
  upstream: Upstream | undefined,
): Promise<{ readonly lock: Lock | undefined; readonly stale: readonly string[] }> {
  if (relock) return { lock: undefined, stale: [] };
  const path = paths(root).lockFile(template, version);
  const { lock, stale } = await readLockAndCompare(path, { settings, upstream });
  return { lock: stale.length === 0 ? lock : undefined, stale };
}

/** The problems of each target's lock. Makes no requests. */
export async function checkLocks(run: Run, targets: readonly Target[]): Promise<readonly CheckedLock[]> {
  const upstream = await run.upstream();
  return Promise.all(
    targets.map(async ({ template, version: mesaVersion }) => {
      const path = paths(run.root).lockFile(template, mesaVersion);
      const [{ settings }, text] = await Promise.all([loadTemplate(run.root, template), readIfPresent(path)]);
      const expected = { template, mesaVersion, settings, upstream, path };
      return { template, mesaVersion, path, problems: checkLock(text?.toString("utf8"), expected) };
    }),
  );
}
