import type { Image } from "../build/image";
import type { Deployment } from "../deploy/deployment";
import type { ManifestEntry } from "../manifest/entry";
import { nextRevision } from "../manifest/versions/next-revision";
import { readManifest, updateManifest, recordEntry } from "../manifest/index";
import { versionId } from "../manifest/entry";
import type { RenderedTemplate } from "../render/rendered";
import type { SmokeReport } from "../smoke/report";
import { isoTime } from "../support/clock";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { entryFrom } from "./entry";
import { IMAGE_GONE } from "./measure";
import { oneAtATime } from "./one-at-a-time";
import { originOf } from "./origin";
import { resultOf, upToDateResult } from "./release-template-result";
import type { ReleaseRequest, TemplateResult } from "./request";
import { stageRunner, type StageRunner } from "./stage-runner";
import { forgetResult, keepResult } from "./stage-results";
import type { Stages } from "./stages";
import { hasReached, keepStamp } from "./up-to-date";
import {
  forgetRecorded,
  keptDeployment,
  keptFiles,
  keptProof,
  keptVerification,
  type KeptFiles,
} from "./kept-stages";
import { refuseUnproven } from "./refuse-unproven";
import { paths, type Paths } from "../support/paths";

/** What is said of a stage whose result an earlier, ended run has kept. */
const EARLIER_RUN = "kept from the run before";

/** Everything one template's release needs on its way. */
interface Run {
  readonly host: Host;
  readonly request: ReleaseRequest;
  readonly template: string;
  readonly stages: Stages;
  readonly folders: Paths;
  readonly runner: StageRunner;
}

interface Proven {
  readonly image: Image;
  readonly smoke: SmokeReport;
}

/** Takes one template through all stages. Whatever happens comes back as its result; only interruption is thrown. */
export async function releaseTemplate(
  host: Host,
  request: ReleaseRequest,
  template: string,
  stages: Stages,
): Promise<TemplateResult> {
  const run: Run = {
    host,
    request,
    template,
    stages,
    folders: paths(request.root),
    runner: stageRunner(host, template),
  };
  try {
    const what = `release of ${template} ${request.version}`;
    const say = (message: string): void => {
      host.emit({ type: "note", template, message });
    };
    const lockFile = run.folders.lock(`${template}@${request.version}`);
    return await oneAtATime(host, lockFile, what, say, (abandoned) => throughAllStages(run, abandoned));
  } catch (error) {
    if (host.signal.aborted) throw error;
    return {
      template,
      id: null,
      status: "failed",
      upToDate: false,
      stages: run.runner.records,
      image: null,
      smoke: null,
      verification: null,
      deployment: null,
      error,
    };
  }
}

async function throughAllStages(run: Run, abandoned: readonly string[]): Promise<TemplateResult> {
  const { request, template, folders, runner } = run;
  await run.stages.checkTestFiles(request, template);
  const rendered = await lockAndRender(run);
  const manifest = await readManifest(folders.manifest);
  const next = nextRevision(manifest, template, request.version, rendered.inputsDigest);
  const id = versionId(template, request.version, next.revision);
  if (next.entry !== undefined && !request.force && hasReached(next.entry, request)) {
    if (request.scan !== undefined) await build(run, rendered);
    for (const stage of ["build", "smoke", "deploy", "verify", "record"] as const)
      if (stage !== "build" || request.scan === undefined) runner.skip(stage, "up to date");
    return upToDateResult(next.entry, runner.records);
  }
  if (abandoned.length > 0) await run.stages.removeAbandoned(run.host, abandoned);
  const kept = await keptFiles(request, folders, template, rendered.inputsDigest);
  const proven = await buildAndSmoke(run, rendered, kept);
  const origin = await originOf(run.host, request.root);
  const facts = {
    rendered,
    revision: next.revision,
    image: proven.image,
    smoke: proven.smoke,
    verifiedAt: isoTime(run.host.clock.now()),
    createdAt: next.entry?.createdAt ?? isoTime(run.host.clock.now()),
    createdBy: next.entry?.createdBy ?? origin,
  };
  try {
    await run.stages.measure(run.host, request, rendered, { id, ...facts });
  } catch (error) {
    if (error instanceof Failure && error.code === IMAGE_GONE) await forgetResult(kept.build);
    throw error;
  }
  if (!request.deploy) {
    runner.skip("deploy", "--no-deploy");
    runner.skip("verify", "--no-deploy");
    return record(
      run,
      entryFrom({ ...facts, status: "smoked", verification: null, deployment: null, failure: null }),
    );
  }
  return deployAndVerify(run, rendered, kept, id, facts, next.entry);
}

async function lockAndRender(run: Run): Promise<RenderedTemplate> {
  const { host, request, template, stages, runner, folders } = run;
  const lock = await runner.run("lock", async () => {
    const { lock: value, reused } = await stages.lock(host, request, template);
    return { value, outcome: reused ? "reused" : "done" };
  });
  return runner.run("render", async () => {
    const value = await stages.render(host, request, template, lock);
    await keepStamp(folders, template, request.version, value.inputsDigest);
    return { value };
  });
}

async function build(run: Run, rendered: RenderedTemplate): Promise<Image> {
  const { host, request, template, stages, runner, folders } = run;
  return runner.run("build", async (progress) => {
    const built = await stages.build(host, request, rendered, progress);
    await keepResult(folders.stageResult(template, rendered.inputsDigest, "build"), built.image);
    return { value: built.image, outcome: built.reused ? "reused" : "done" };
  });
}

async function buildAndSmoke(run: Run, rendered: RenderedTemplate, kept: KeptFiles): Promise<Proven> {
  const { host, request, stages, runner } = run;
  const before = await keptProof(request, kept);
  if (before !== undefined) {
    runner.reuse("build", EARLIER_RUN);
    runner.reuse("smoke", EARLIER_RUN);
    return before;
  }
  const image = await build(run, rendered);
  const smoke = await runner.run("smoke", async (progress) => {
    const value = await stages.smoke(host, request, rendered, image, progress);
    refuseUnproven(value, request.allowSkipped);
    await keepResult(kept.smoke, value);
    return {
      value,
      message: `${String(value.passed)} passed${value.skipped === 0 ? "" : `, ${String(value.skipped)} skipped`}`,
    };
  });
  return { image, smoke };
}

type Facts = Omit<Parameters<typeof entryFrom>[0], "status" | "verification" | "deployment" | "failure">;

async function deployAndVerify(
  run: Run,
  rendered: RenderedTemplate,
  kept: KeptFiles,
  id: string,
  facts: Facts,
  before: ManifestEntry | undefined,
): Promise<TemplateResult> {
  const { host, request, stages, runner, folders, template } = run;
  let sent = false;
  let deployment: Deployment | null = null;
  let verification: SmokeReport | null = null;
  try {
    const earlier = await keptDeployment(request, kept, before);
    if (earlier !== undefined) {
      deployment = earlier;
      runner.reuse("deploy", deployment.image);
      sent = true;
    } else {
      deployment = await runner.run("deploy", async (progress) => {
        const onSent = (): void => {
          sent = true;
        };
        // One sandbox name on the platform: two versions sent at once would each wait for the other's image.
        const lockFile = folders.lock(`${template}-deploy`);
        const value = await oneAtATime(host, lockFile, `deploy of ${template}`, progress, () =>
          stages.deploy(host, request, rendered, id, progress, onSent),
        );
        await keepResult(kept.deployed, value);
        return { value, message: value.image };
      });
    }
    if (!request.verify) {
      runner.skip("verify", "--no-verify");
      return await record(
        run,
        entryFrom({ ...facts, status: "deployed", verification: null, deployment, failure: null }),
      );
    }
    const deployed = deployment;
    const verified = await keptVerification(request, kept, deployed);
    if (verified !== undefined) {
      runner.reuse("verify", EARLIER_RUN);
      verification = verified;
    } else {
      verification = await runner.run("verify", async (progress) => {
        const value = await stages.verify(host, request, rendered, deployed, progress);
        verification = value;
        refuseUnproven(value, request.allowSkipped, "verify");
        await keepResult(kept.verified, { image: deployed.image, report: value });
        return { value, message: `${String(value.passed)} passed` };
      });
    }
    return await record(
      run,
      entryFrom({ ...facts, status: "verified", verification, deployment, failure: null }),
    );
  } catch (error) {
    if (!sent || host.signal.aborted || (error instanceof Failure && error.kind === "manifest")) throw error;
    const failure = {
      stage: deployment === null ? "deploy" : "verify",
      code: error instanceof Failure ? error.code : "INTERNAL",
      message: host.redact(messageOf(error)),
    };
    const result = await record(
      run,
      entryFrom({ ...facts, status: "failed", verification, deployment, failure }),
    );
    return { ...result, error };
  }
}

async function record(run: Run, entry: ManifestEntry): Promise<TemplateResult> {
  const { host, folders, runner } = run;
  await runner.run("record", async () => {
    await updateManifest(host, folders.manifest, (manifest) =>
      recordEntry(manifest, entry, isoTime(host.clock.now())),
    );
    return { value: undefined, message: `${entry.id} ${entry.status}` };
  });
  await forgetRecorded(folders, entry);
  return { ...resultOf(entry), stages: runner.records };
}
