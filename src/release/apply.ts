import type { Image } from "../build/image";
import type { Deployment } from "../deploy/deployment";
import type { ManifestEntry } from "../manifest/entry";
import { recordEntry, updateManifest } from "../manifest/index";
import { publishedReference } from "../publish/published";
import { loadTemplate, renderTemplate, writeRendered } from "../render/index";
import type { RenderedTemplate } from "../render/rendered";
import { isoTime } from "../support/clock";
import { failureOf, isMachineError, messageOf } from "../support/errors";
import { isLeftLock } from "../support/files/file-lock";
import { removeLeftFiles, removeLeftFolders } from "../support/files/files";
import type { StageName } from "../support/events";
import type { Host } from "../support/host";
import { paths } from "../support/files/paths";
import { entryOf, resultOf, type NewEntry } from "./entry";
import { forgetEvidence, keepEvidence, mountedIn, verificationOf, type Smoked } from "./proof/evidence";
import { gatherFacts, withRendered } from "./facts";
import { refuseLinks, refuseLinksIn } from "../support/files/links";
import { oneAtATime } from "./one-at-a-time";
import { originOf } from "./origin";
import {
  isEmpty,
  isProvenInRegistry,
  planRelease,
  publishedImage,
  refreshedEntry,
  smokeProof,
  standingDeployment,
  type Facts,
  type Plan,
} from "./plan";
import { refusalFailure, refuseUnproven } from "./proof/refuse-unproven";
import type { ReleaseRequest, TemplateResult } from "./request";
import type { Run } from "./run";
import { stageRunner, type StageRunner } from "./stages/stage-runner";
import type { Stages } from "./stages/stages";
import { reportOf, testFilesOf } from "./proof/test-files";

/** One template's release in progress: each stage changes the facts, and with them the plan. */
interface Release {
  readonly host: Host;
  readonly request: ReleaseRequest;
  readonly stages: Stages;
  readonly runner: StageRunner;
  facts: Facts;
  rendered: RenderedTemplate | undefined;
  /** The complete result of the build; the facts hold only what the plan needs. */
  image?: Image;
  smoke?: Smoked | undefined;
  deployment?: Deployment;
  verification?: NewEntry["verification"] | undefined;
  /** Whether something of this version may exist on the platform. */
  sent: boolean;
  result?: TemplateResult;
}

/** Executes the plan of one template. Failures are part of the result; only interruption is thrown. */
export async function releaseTemplate(
  run: Run,
  request: ReleaseRequest,
  template: string,
  stages: Stages,
): Promise<TemplateResult> {
  const { host } = run;
  const runner = stageRunner(host, template);
  try {
    return await aloneWith(host, request, template, stages, () =>
      applyPlan(run, request, template, stages, runner),
    );
  } catch (error) {
    if (host.signal.aborted) throw error;
    return failedResult(template, runner, error);
  }
}

/**
 * Runs `work` as the only release of this template and version below the root. Removes what a killed release left, while its lock is
 * still there: if this run is killed too, the next one finds the same record.
 */
export async function aloneWith<T>(
  host: Host,
  request: ReleaseRequest,
  template: string,
  stages: Stages,
  work: () => Promise<T>,
): Promise<T> {
  const what = `release of ${template} ${request.version}`;
  const say = (message: string): void => {
    host.emit({ type: "note", template, message });
  };
  const folders = paths(request.root);
  const { state, dockerfiles } = folders;
  await refuseLinksIn(request.root, state, 3);
  await refuseLinks(request.root, dockerfiles);
  const lockFile = folders.lock(`${template}@${request.version}`);
  const others = [
    ...[`${template}-push`, `${template}-deploy`].map((name) => folders.lock(name)),
    `${folders.manifest}.lock`,
  ];
  const removeLeft = async (): Promise<void> => {
    await removeLeftFolders();
    await stages.removeLeftovers({ template, version: request.version, deploy: request.deploy });
    for (const other of others)
      if (await isLeftLock(other)) await oneAtATime(host, other, what, say, () => Promise.resolve());
  };
  return oneAtATime(
    host,
    lockFile,
    what,
    say,
    async () => {
      for (const folder of [state, dockerfiles]) await removeLeftFiles(folder, Infinity);
      return work();
    },
    removeLeft,
  );
}

function failedResult(template: string, runner: StageRunner, error: unknown): TemplateResult {
  return {
    template,
    id: null,
    status: "failed",
    upToDate: false,
    stages: runner.records,
    image: null,
    smoke: null,
    verification: null,
    deployment: null,
    error,
  };
}

async function applyPlan(
  run: Run,
  request: ReleaseRequest,
  template: string,
  stages: Stages,
  runner: StageRunner,
): Promise<TemplateResult> {
  const { host } = run;
  const gathered = await gatherFacts(run, request, template);
  const release: Release = { host, request, stages, runner, ...gathered, sent: false };
  const first = planRelease(release.facts);
  if (!isEmpty(first)) {
    const files = testFilesOf(request, template);
    await stages.checkTestFiles(files);
    const proves = first.steps.some(
      ({ stage, action }) => action === "do" && (stage === "smoke" || stage === "verify"),
    );
    if (!request.allowSkipped && proves)
      release.facts = {
        ...release.facts,
        cannotRun: await stages.cannotRun(files, { ...request, template }),
      };
  }
  try {
    // The plan is made again before each stage: a build may produce another image than the proven one.
    for (const { stage } of first.steps) await applyStep(release, stage);
  } catch (error) {
    // A full disk here says nothing about the version; the kept state tells the next run that it was sent.
    if (
      !release.sent ||
      host.signal.aborted ||
      isMachineError(error) ||
      failureOf(error)?.kind === "manifest"
    )
      throw error;
    return { ...(await recordFailure(release, error)), error };
  }
  const { entry } = planRelease(release.facts);
  if (release.result !== undefined) return release.result;
  if (entry === undefined) throw new Error(`${template} has nothing to do and no version`);
  return upToDateResult(entry, release.facts, runner.records);
}

/** The result for a version with nothing to do. */
export function upToDateResult(
  entry: ManifestEntry,
  { workspace }: Facts,
  stages: TemplateResult["stages"],
): TemplateResult {
  const result = resultOf(entry, workspace);
  return { ...result, stages, upToDate: true, since: result.deployment?.deployedAt ?? entry.createdAt };
}

async function applyStep(release: Release, stage: StageName): Promise<void> {
  const plan = planRelease(release.facts);
  if (plan.refusal !== undefined) throw refusalFailure(plan.refusal, release.facts);
  const step = plan.steps.find((one) => one.stage === stage);
  if (step === undefined || step.action === "skip") release.runner.skip(stage, step?.why ?? "");
  else await ACTIONS[stage](release, plan, step.action === "reuse" ? step.why : undefined);
  release.facts = { ...release.facts, done: [...release.facts.done, stage] };
}

/** Runs a stage; if `reused` gives a reason, takes the earlier result instead. */
type Action = (release: Release, plan: Plan, reused: string | undefined) => Promise<void>;

const ACTIONS: Readonly<Record<StageName, Action>> = {
  async lock(release, _plan, reused) {
    const { request, runner, stages, facts } = release;
    if (reused !== undefined) {
      runner.reuse("lock", reused);
      return;
    }
    const asked = { ...request, template: facts.template };
    const lock = await runner.run("lock", async (progress) => {
      if (!request.refresh) return { value: await stages.lock(asked) };
      const entry = refreshedEntry(facts);
      const found = await stages.refresh({ ...asked, entry }, progress);
      return found === undefined
        ? { value: undefined, outcome: "reused", message: `nothing new since ${entry?.id ?? ""}` }
        : { value: found.lock, message: found.changed };
    });
    if (lock === undefined) return;
    release.rendered = renderTemplate(await loadTemplate(request.root, facts.template), lock);
    release.facts = await withRendered(request.root, release.facts, release.rendered);
  },
  async render(release, _plan, reused) {
    const { request, runner } = release;
    if (reused !== undefined) runner.reuse("render", reused);
    else
      await runner.run("render", async () => {
        await writeRendered(request.root, renderedOf(release));
        return { value: undefined };
      });
    release.facts = { ...release.facts, folderDiffers: [] };
  },
  async build(release) {
    const { request, runner, stages, facts } = release;
    const rendered = renderedOf(release);
    if (request.force)
      await forgetEvidence(request.root, rendered, ["smoke", "deployment", "verification"], facts.workspace);
    const image = await runner.run("build", async (progress) => {
      const built = await stages.build(rendered, request, progress);
      return { value: built.image, outcome: built.reused ? "reused" : "done" };
    });
    release.facts = { ...release.facts, image, ...(request.force ? { kept: {} } : {}) };
    release.smoke = undefined;
    release.image = image;
  },
  async smoke(release, plan, reused) {
    const { host, request, runner, stages, facts } = release;
    const rendered = renderedOf(release);
    if (reused !== undefined && isProvenInRegistry(facts, plan.entry)) {
      runner.reuse("smoke", reused);
      return;
    }
    const proof = reused === undefined ? undefined : smokeProof(facts);
    if (reused !== undefined && proof !== undefined) {
      runner.reuse("smoke", reused);
      release.smoke = proof;
    } else {
      const { image } = release;
      if (image === undefined) throw new Error("an image is proven before it is built");
      const files = testFilesOf(request, facts.template);
      release.smoke = await runner.run("smoke", async (progress) => {
        const { checksDigest } = facts;
        const report = await reportOf(files, checksDigest, () =>
          stages.smoke(rendered, image, files, progress),
        );
        refuseUnproven(report, request.allowSkipped);
        const value = smoked(rendered, image, checksDigest, report);
        await keepEvidence(request.root, rendered, value);
        const skipped = report.skipped === 0 ? "" : `, ${String(report.skipped)} skipped`;
        return { value, message: `${String(report.passed)} passed${skipped}` };
      });
    }
    release.facts = { ...release.facts, kept: { ...release.facts.kept, smoke: release.smoke } };
    await stages.measure(rendered, {
      root: request.root,
      id: plan.id ?? "",
      revision: plan.revision ?? 1,
      image: release.smoke.image,
      smoke: release.smoke.report,
      createdBy: plan.entry?.createdBy ?? (await originOf(host, request.root)),
    });
  },
  async push(release, plan, reused) {
    const { host, request, runner, stages, facts, smoke } = release;
    const { publish, template, version: mesaVersion } = facts;
    if (publish === undefined) throw new Error("an image is pushed and there is no registry");
    const known = publishedImage(facts, plan.entry);
    if (reused !== undefined && known !== undefined) {
      runner.reuse("push", reused);
      release.facts = { ...facts, published: known };
      return;
    }
    const revision = plan.revision ?? 1;
    const reference = publishedReference(publish.registry, { name: publish.name, mesaVersion, revision });
    const { image } = plan.entry ?? {};
    const { signer, root, force } = request;
    const published = await runner.run("push", async (progress) => {
      const push = async (): ReturnType<Stages["push"]> => {
        if (smoke === undefined) throw new Error("an image is pushed before it is proven");
        return stages.push(
          renderedOf(release),
          {
            ...{ root, force, revision, reference },
            ...{ imageId: smoke.imageId, builtReference: smoke.image.reference },
            recorded: image?.registryReference === reference ? image.registryDigest : undefined,
            createdBy: plan.entry?.createdBy ?? (await originOf(host, root)),
          },
          progress,
        );
      };
      const lockFile = paths(root).lock(`${template}-push`);
      return oneAtATime(host, lockFile, `push of ${template}`, progress, async () => {
        const pushed = known === undefined ? await push() : { published: known, reused: true };
        const { digest } = pushed.published;
        if (signer !== undefined)
          await stages.sign(renderedOf(release), { root, revision, published: pushed.published, signer });
        return {
          value: pushed.published,
          outcome: pushed.reused && signer === undefined ? "reused" : "done",
          message: `${reference} is ${digest}${signer === undefined ? "" : `, signed by ${signer.id}`}`,
        };
      });
    });
    release.facts = { ...release.facts, published, signed: signer?.id };
  },
  async deploy(release, plan, reused) {
    const { host, request, runner, stages, facts } = release;
    const rendered = renderedOf(release);
    const standing = reused === undefined ? undefined : standingDeployment(facts, plan.entry);
    if (reused !== undefined && standing !== undefined) {
      runner.reuse("deploy", reused);
      release.deployment = deploymentOf(standing);
      release.sent = true;
      return;
    }
    const deployment = await runner.run("deploy", async (progress) => {
      const onSent = (): void => {
        release.sent = true;
      };
      // One sandbox name on the platform: two versions sent at the same time would each wait for the other's image.
      const lockFile = paths(request.root).lock(`${facts.template}-deploy`);
      const { published: image, publish: target } = facts;
      const published = image === undefined || target === undefined ? undefined : { image, target };
      const asked = { ...request, id: plan.id ?? "", onSent, published };
      const value = await oneAtATime(host, lockFile, `deploy of ${facts.template}`, progress, () =>
        stages.deploy(rendered, asked, progress),
      );
      await keepEvidence(request.root, rendered, deployed(rendered, value));
      return { value, message: value.image };
    });
    release.deployment = deployment;
    release.facts = {
      ...release.facts,
      workspace: deployment.workspace,
      kept: { ...release.facts.kept, isSent: false, deployment: deployed(rendered, deployment) },
    };
  },
  async verify(release, plan, reused) {
    const { host, request, runner, stages, facts, deployment } = release;
    const rendered = renderedOf(release);
    if (deployment === undefined) throw new Error("a deployment is verified before it is made");
    if (reused !== undefined) {
      runner.reuse("verify", reused);
      const { verification } = facts.kept;
      release.verification =
        verification?.image === deployment.image
          ? verificationOf(verification)
          : (plan.entry?.deployments[deployment.workspace]?.verification ?? undefined);
      return;
    }
    const files = testFilesOf(request, facts.template);
    await runner.run("verify", async (progress) => {
      const report = await reportOf(files, facts.checksDigest, () =>
        stages.verify(rendered, deployment, files.checks, progress),
      );
      const { image, workspace } = deployment;
      const evidence = {
        kind: "verification" as const,
        ...{ workspace, image, checksDigest: facts.checksDigest, mounted: mountedIn(report) },
        at: isoTime(host.clock.now()),
        report,
      };
      release.verification = verificationOf(evidence);
      refuseUnproven(report, request.allowSkipped, "verify");
      await keepEvidence(request.root, rendered, evidence);
      release.facts = { ...release.facts, kept: { ...release.facts.kept, verification: evidence } };
      return { value: undefined, message: `${String(report.passed)} passed` };
    });
  },
  async record(release, plan) {
    release.result = await record(release, plan, null);
  },
};

function renderedOf({ rendered }: Release): RenderedTemplate {
  if (rendered === undefined) throw new Error("a stage runs before the template is rendered");
  return rendered;
}

function smoked(
  { inputsDigest }: RenderedTemplate,
  image: Image,
  checksDigest: string,
  report: Awaited<ReturnType<Stages["smoke"]>>,
): Smoked {
  return {
    kind: "smoke",
    imageId: image.id,
    inputsDigest,
    checksDigest,
    mounted: mountedIn(report),
    image,
    report,
  };
}

function deployed({ inputsDigest }: RenderedTemplate, deployment: Deployment) {
  const { workspace } = deployment;
  return { kind: "deployment" as const, workspace, inputsDigest, deployment: deploymentOf(deployment) };
}

/** Only the fields of a deployment; the entry's other fields belong to the entry. */
function deploymentOf(deployment: Deployment): Deployment {
  const { workspace, sandbox, image, registryDigest, deployedAt, blVersion } = deployment;
  const imported = registryDigest === undefined ? {} : { registryDigest };
  return { workspace, sandbox, image, ...imported, deployedAt, blVersion };
}

async function recordFailure(release: Release, error: unknown): Promise<TemplateResult> {
  const { host, facts } = release;
  const { workspace } = release.deployment ?? facts;
  return record(release, planRelease(facts), {
    stage: release.deployment === undefined ? "deploy" : "verify",
    code: failureOf(error)?.code ?? "INTERNAL",
    message: host.redact(messageOf(error)),
    ...(workspace === undefined ? {} : { workspace }),
  });
}

async function record(
  release: Release,
  plan: Plan,
  failure: ManifestEntry["failure"],
): Promise<TemplateResult> {
  const { host, request, runner, smoke, facts, deployment } = release;
  const at = isoTime(host.clock.now());
  const entry = entryOf({
    ...{ smoke, deployment, failure, published: facts.published, signedBy: facts.signed },
    verification: release.verification ?? null,
    revision: plan.revision ?? 1,
    before: plan.entry,
    createdAt: at,
    createdBy: await originOf(host, request.root),
  });
  const after = await runner.run("record", async () => {
    const manifest = await updateManifest(host, paths(request.root).manifest, (before) =>
      recordEntry(before, entry, isoTime(host.clock.now())),
    );
    const value = manifest.versions[entry.id] ?? entry;
    return { value, message: `${value.id} ${value.status}` };
  });
  // From here on the entry counts, not the state kept by a run.
  if (deployment !== undefined)
    await forgetEvidence(request.root, after, ["deployment", "verification"], deployment.workspace);
  return { ...resultOf(after, deployment?.workspace ?? facts.workspace), stages: runner.records };
}
