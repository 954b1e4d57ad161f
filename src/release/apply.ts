import type { ManifestEntry, VersionDeployment } from "../manifest/entry";
import { originOf } from "../manifest/git";
import { recordEntry, updateManifest } from "../manifest/index";
import { inWorkspace } from "../manifest/versions/in-workspace";
import { publishedReference } from "../publish/published";
import { loadTemplate, renderTemplate, writeRendered } from "../render/index";
import type { RenderedTemplate } from "../render/rendered";
import { isoTime } from "../support/clock";
import { failureOf, isMachineError, messageOf } from "../support/errors";
import { isLeftLock } from "../support/files/file-lock";
import { removeLeftFiles, removeLeftFolders } from "../support/files/files";
import type { StageName } from "../support/events";
import { paths } from "../support/files/paths";
import { entryOf, resultOf } from "./entry";
import {
  forgetEvidence,
  keepDeployment,
  keepSmoked,
  recordOf,
  smokedOf,
  type Smoked,
} from "./proof/evidence";
import { gatherFacts, withRendered } from "./facts";
import { refuseLinks, refuseLinksIn } from "../support/files/links";
import { oneAtATime } from "./one-at-a-time";
import { isEmpty, planRelease, type Facts, type Plan } from "./plan";
import { unprovenFailure } from "./proof/refuse-unproven";
import type { ReleaseRequest, TemplateResult } from "./request";
import type { Run } from "./run";
import { stageRunner, type StageRunner } from "./stages/stage-runner";
import type { Stages } from "./stages/stages";
import { reportOf, testFilesOf } from "./proof/test-files";

/** One template's release in progress: each stage changes the facts, and with them the plan. */
interface Release {
  readonly run: Run;
  readonly request: ReleaseRequest;
  readonly stages: Stages;
  readonly runner: StageRunner;
  facts: Facts;
  rendered: RenderedTemplate | undefined;
  /** What stands in the workspace in use after the deploy, with its verification. */
  deployment: VersionDeployment | undefined;
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
  const runner = stageRunner(run.host, template);
  try {
    return await aloneWith(run, request, template, stages, () =>
      applyPlan(run, request, template, stages, runner),
    );
  } catch (error) {
    if (run.host.signal.aborted) throw error;
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
}

/**
 * Runs `work` as the only release of this template and version below the root. Removes what a killed release left, while its lock is
 * still there: if this run is killed too, the next one finds the same record.
 */
export async function aloneWith<T>(
  { host, root }: Run,
  { version, deploy }: ReleaseRequest,
  template: string,
  stages: Stages,
  work: () => Promise<T>,
): Promise<T> {
  const what = `release of ${template} ${version}`;
  const say = (message: string): void => {
    host.emit({ type: "note", template, message });
  };
  const folders = paths(root);
  const { state, dockerfiles } = folders;
  await refuseLinksIn(root, state, 3);
  await refuseLinks(root, dockerfiles);
  const lockFile = folders.lock(`${template}@${version}`);
  const others = [
    ...[`${template}-push`, `${template}-deploy`].map((name) => folders.lock(name)),
    `${folders.manifest}.lock`,
  ];
  const removeLeft = async (): Promise<void> => {
    await removeLeftFolders();
    await stages.removeLeftovers({ template, version }, deploy);
    for (const other of others)
      if (await isLeftLock(other)) await oneAtATime(host, other, what, say, () => Promise.resolve());
  };
  const alone = async (): Promise<T> => {
    for (const folder of [state, dockerfiles]) await removeLeftFiles(folder, Infinity);
    return work();
  };
  return oneAtATime(host, lockFile, what, say, alone, removeLeft);
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
  const release: Release = { run, request, stages, runner, ...gathered, deployment: undefined, sent: false };
  const first = planRelease(release.facts);
  if (!isEmpty(first)) {
    const files = testFilesOf(run.root, template, request);
    await stages.checkTestFiles(files);
    const proves = first.steps.some(
      ({ stage, action }) => action === "do" && (stage === "smoke" || stage === "verify"),
    );
    if (!request.allowSkipped && proves)
      learn(release, { cannotRun: await stages.cannotRun(files, { ...request, template }) });
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
  return release.result ?? upToDateResult(planRelease(release.facts), runner.records);
}

/** The result for a version with nothing to do. */
export function upToDateResult(plan: Plan, stages: TemplateResult["stages"]): TemplateResult {
  const { entry, template, workspace } = plan;
  if (entry === undefined) throw new Error(`${template} has nothing to do and no version`);
  const result = resultOf(entry, workspace, stages);
  return { ...result, upToDate: true, since: result.deployment?.deployedAt ?? entry.createdAt };
}

function learn(release: Release, facts: Partial<Facts>): void {
  release.facts = { ...release.facts, ...facts };
}

async function applyStep(release: Release, stage: StageName): Promise<void> {
  const { runner, facts } = release;
  const plan = planRelease(facts);
  if (plan.refusal !== undefined) throw plan.refusal;
  const step = plan.steps.find((one) => one.stage === stage);
  const { perform, reuse } = ACTIONS[stage];
  if (step === undefined || step.action === "skip") runner.pass(stage, "skipped", step?.why ?? "");
  // A build itself finds out whether the engine still has the image.
  else if (step.action === "do" || stage === "build") await perform(release, plan);
  else {
    runner.pass(stage, "reused", step.why);
    await reuse?.(release, plan);
  }
  learn(release, { done: [...release.facts.done, stage] });
}

type Action = (release: Release, plan: Plan) => Promise<void> | void;

/** How each stage is done, and what follows from an earlier result instead. */
const ACTIONS: Readonly<Record<StageName, { readonly perform: Action; readonly reuse?: Action }>> = {
  lock: {
    async perform(release, { refreshed }) {
      const { run, request, runner, stages, facts } = release;
      const asked = { ...request, template: facts.template };
      const lock = await runner.run("lock", async (progress) => {
        if (!request.refresh) return { value: await stages.lock(asked) };
        const found = await stages.refresh(asked, refreshed, progress);
        return found === undefined
          ? { value: undefined, outcome: "reused", message: `nothing new since ${refreshed?.id ?? ""}` }
          : { value: found.lock, message: found.changed };
      });
      if (lock === undefined) return;
      release.rendered = renderTemplate(await loadTemplate(run.root, facts.template), lock);
      release.facts = await withRendered(run.root, release.facts, release.rendered);
    },
  },
  render: {
    async perform(release) {
      await release.runner.run("render", async () => {
        await writeRendered(release.run.root, renderedOf(release));
        return { value: undefined };
      });
      learn(release, { folderDiffers: [] });
    },
  },
  build: {
    async perform(release) {
      const { run, request, runner, stages, facts } = release;
      const rendered = renderedOf(release);
      if (request.force) {
        await forgetEvidence(run.root, rendered, ["smoke", "deployment"], facts.workspace);
        learn(release, { kept: {} });
      }
      const image = await runner.run("build", async (progress) => {
        const built = await stages.build(rendered, request, progress, release.facts.kept.smoke?.image);
        return { value: built.image, outcome: built.reused ? "reused" : "done" };
      });
      learn(release, { image });
    },
  },
  smoke: {
    async perform(release, plan) {
      const { run, request, runner, stages, facts } = release;
      const { image, checksDigest, kept } = facts;
      if (image === undefined) throw new Error("an image is proven before it is built");
      const files = testFilesOf(run.root, facts.template, request);
      const smoke = await runner.run("smoke", async (progress) => {
        const report = await reportOf(files, checksDigest, () =>
          stages.smoke(renderedOf(release), image, files, progress),
        );
        const why = unprovenFailure(report, request.allowSkipped, "smoke");
        if (why !== undefined) throw why;
        const value = smokedOf(image, report, facts);
        await keepSmoked(run.root, value);
        const skipped = report.skipped === 0 ? "" : `, ${String(report.skipped)} skipped`;
        return { value, message: `${String(report.passed)} passed${skipped}` };
      });
      learn(release, { kept: { ...kept, smoke } });
      await measureProven(release, plan);
    },
    async reuse(release, plan) {
      const { facts } = release;
      // The entry has the proof of that image; kept evidence may be of another one.
      if (plan.isProvenInRegistry) learn(release, { kept: { ...facts.kept, smoke: undefined } });
      else await measureProven(release, plan);
    },
  },
  push: {
    async perform(release, plan) {
      const { run, request, runner, stages, facts } = release;
      const { publish, template } = facts;
      if (publish === undefined) throw new Error("an image is pushed and there is no registry");
      const { entry, revision = 1, inRegistry } = plan;
      const { force, signer, version: mesaVersion } = request;
      const rendered = renderedOf(release);
      const reference = publishedReference(publish.registry, { name: publish.name, mesaVersion, revision });
      const push = async (progress: (message: string) => void): ReturnType<Stages["push"]> => {
        if (inRegistry !== undefined) return { published: inRegistry, reused: true };
        const { id: imageId, reference: builtReference } = provenOf(release).image;
        const recorded = [entry?.image, ...Object.values(entry?.deployments ?? {})].map(
          (one) => one?.registryDigest,
        );
        const made = { revision, createdBy: await createdBy(release, plan) };
        const asked = { ...made, force, reference, imageId, builtReference, recorded };
        return stages.push(rendered, asked, progress);
      };
      const lockFile = paths(run.root).lock(`${template}-push`);
      const published = await runner.run("push", (progress) =>
        oneAtATime(run.host, lockFile, `push of ${template}`, progress, async () => {
          const { published: value, reused } = await push(progress);
          if (signer !== undefined) await stages.sign(rendered, revision, value, signer);
          const by = signer === undefined ? "" : `, signed by ${signer.id}`;
          return {
            value,
            outcome: reused && signer === undefined ? "reused" : "done",
            message: `${reference} is ${value.digest}${by}`,
          };
        }),
      );
      learn(release, { published, signed: signer?.id });
    },
  },
  deploy: {
    async perform(release, { inRegistry: image }) {
      const { run, request, runner, stages, facts } = release;
      const { template, publish: target } = facts;
      const rendered = renderedOf(release);
      const published = image === undefined || target === undefined ? undefined : { image, target };
      const onSent = (): void => {
        release.sent = true;
      };
      // One sandbox name on the platform: two versions sent at the same time would each wait for the other's image.
      const lockFile = paths(run.root).lock(`${template}-deploy`);
      const deployment = await runner.run("deploy", async (progress) => {
        const deployed = await oneAtATime(run.host, lockFile, `deploy of ${template}`, progress, () =>
          stages.deploy(rendered, { ...request, onSent, published }, progress),
        );
        const value = { ...deployed, verification: null };
        await keepDeployment(run.root, rendered, value);
        return { value, message: value.image };
      });
      const { workspace } = deployment;
      learn(release, { workspace, kept: { ...release.facts.kept, isSent: false, deployment } });
      release.deployment = deployment;
    },
    reuse(release, { standing }) {
      release.deployment = standing;
      release.sent = true;
    },
  },
  verify: {
    async perform(release) {
      const { run, request, runner, stages, facts } = release;
      const { checksDigest, kept } = facts;
      const rendered = renderedOf(release);
      const deployment = deploymentOf(release);
      const files = testFilesOf(run.root, facts.template, request);
      await runner.run("verify", async (progress) => {
        const report = await reportOf(files, checksDigest, () =>
          stages.verify(rendered, deployment, files.checks, progress),
        );
        const at = isoTime(run.host.clock.now());
        const verification = { ...recordOf(report, facts), image: deployment.image, at };
        const verified = { ...deployment, verification };
        release.deployment = verified;
        const why = unprovenFailure(report, request.allowSkipped, "verify");
        if (why !== undefined) throw why;
        await keepDeployment(run.root, rendered, verified);
        learn(release, { kept: { ...kept, deployment: verified } });
        return { value: undefined, message: `${String(report.passed)} passed` };
      });
    },
    reuse(release, { verification = null }) {
      release.deployment = { ...deploymentOf(release), verification };
    },
  },
  record: {
    async perform(release, plan) {
      release.result = await record(release, plan, null);
    },
  },
};

function renderedOf({ rendered }: Release): RenderedTemplate {
  if (rendered === undefined) throw new Error("a stage runs before the template is rendered");
  return rendered;
}

function deploymentOf({ deployment }: Release): VersionDeployment {
  if (deployment === undefined) throw new Error("a deployment is verified before it is made");
  return deployment;
}

function provenOf({ facts }: Release): Smoked {
  if (facts.kept.smoke === undefined) throw new Error("a stage takes an image before it is proven");
  return facts.kept.smoke;
}

function createdBy({ run }: Release, { entry }: Plan): Promise<ManifestEntry["createdBy"]> {
  return entry === undefined ? originOf(run.host, run.root) : Promise.resolve(entry.createdBy);
}

async function measureProven(release: Release, plan: Plan): Promise<void> {
  const { image, checks } = provenOf(release);
  await release.stages.measure(renderedOf(release), {
    revision: plan.revision ?? 1,
    image,
    checks,
    createdBy: await createdBy(release, plan),
  });
}

async function recordFailure(release: Release, error: unknown): Promise<TemplateResult> {
  const { run, facts, deployment } = release;
  const { workspace } = deployment ?? facts;
  const plan = planRelease(facts);
  const standing = plan.entry === undefined ? null : inWorkspace(plan.entry, workspace).deployment;
  // A channel at this version keeps the image that was proven there.
  if (deployment !== undefined && standing?.verification?.failed === 0 && standing.image !== deployment.image)
    release.deployment = standing;
  return record(release, plan, {
    stage: deployment === undefined ? "deploy" : "verify",
    code: failureOf(error)?.code ?? "INTERNAL",
    message: run.host.redact(messageOf(error)),
    ...(workspace === undefined ? {} : { workspace }),
  });
}

async function record(
  release: Release,
  plan: Plan,
  failure: ManifestEntry["failure"],
): Promise<TemplateResult> {
  const { run, runner, facts, deployment } = release;
  const { host, root } = run;
  const at = isoTime(host.clock.now());
  const entry = entryOf(facts, plan, {
    deployment,
    failure,
    at,
    createdBy: await createdBy(release, plan),
  });
  const workspace = deployment?.workspace ?? facts.workspace;
  const after = await runner.run("record", async () => {
    const manifest = await updateManifest(host, paths(root).manifest, (before) =>
      recordEntry(before, entry, isoTime(host.clock.now())),
    );
    const value = manifest.versions[entry.id] ?? entry;
    return { value, message: `${value.id} ${resultOf(value, workspace, []).status}` };
  });
  // From here on the entry counts, not the state kept by a run.
  if (deployment !== undefined) await forgetEvidence(root, after, ["deployment"], deployment.workspace);
  return resultOf(after, workspace, runner.records);
}
