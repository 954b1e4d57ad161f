import type { Image } from "../build/image";
import type { Deployment } from "../deploy/deployment";
import type { ManifestEntry } from "../manifest/entry";
import { nextRevision } from "../manifest/next-revision";
import { readManifest, updateManifest, recordEntry } from "../manifest/index";
import { versionId } from "../manifest/entry";
import type { RenderedTemplate } from "../render/rendered";
import type { SmokeReport } from "../smoke/report";
import { isoTime } from "../support/clock";
import { sha256 } from "../support/digest";
import { Failure, messageOf } from "../support/errors";
import { readIfPresent } from "../support/files";
import type { Host } from "../support/host";
import { entryFrom } from "./entry";
import { releaseFolders, type ReleaseFolders } from "./folders";
import { originOf } from "./origin";
import { resultOf, upToDateResult } from "./release-template-result";
import type { ReleaseRequest, TemplateResult } from "./request";
import { stageRunner, type StageRunner } from "./stage-runner";
import { forgetResult, keepResult, readResult } from "./stage-results";
import type { Stages } from "./stages";
import { testFilesOf } from "./test-files";
import { hasReached, keepStamp } from "./up-to-date";
import { isDeployment, isImage, isSmokeReport } from "./kept-values";
import { refuseUnproven } from "./refuse-unproven";

/** Everything one template's release needs on its way. */
interface Run {
  readonly host: Host;
  readonly request: ReleaseRequest;
  readonly template: string;
  readonly stages: Stages;
  readonly folders: ReleaseFolders;
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
    folders: releaseFolders(request.root),
    runner: stageRunner(host, template),
  };
  try {
    return await throughAllStages(run);
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

async function throughAllStages(run: Run): Promise<TemplateResult> {
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
  const proven = await buildAndSmoke(run, rendered);
  const origin = await originOf(run.host, request.root);
  const facts = {
    rendered,
    revision: next.revision,
    image: proven.image,
    smoke: proven.smoke,
    createdAt: next.entry?.createdAt ?? isoTime(run.host.clock.now()),
    createdBy: next.entry?.createdBy ?? origin,
  };
  await run.stages.measure(run.host, request, rendered, { id, ...facts });
  if (!request.deploy) {
    runner.skip("deploy", "--no-deploy");
    runner.skip("verify", "--no-deploy");
    return record(
      run,
      entryFrom({ ...facts, status: "smoked", verification: null, deployment: null, failure: null }),
    );
  }
  return deployAndVerify(run, rendered, id, facts, next.entry);
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

/** What smoke depends on besides the image: the template's own test files and those given on the command line. */
async function testFilesDigest({ request, template }: Run): Promise<string> {
  const { structureTests, checks } = testFilesOf(request, template);
  const digests = async (paths: readonly string[]): Promise<readonly string[]> =>
    (await Promise.all(paths.map((path) => readIfPresent(path)))).map((data) =>
      data === undefined ? "-" : sha256(data),
    );
  return sha256(JSON.stringify([await digests(structureTests), await digests(checks)])).slice(0, 16);
}

async function build(run: Run, rendered: RenderedTemplate): Promise<Image> {
  const { host, request, template, stages, runner, folders } = run;
  return runner.run("build", async (progress) => {
    const built = await stages.build(host, request, rendered, progress);
    await keepResult(folders.stageResult(template, rendered.inputsDigest, "build"), built.image);
    return { value: built.image, outcome: built.reused ? "reused" : "done" };
  });
}

async function buildAndSmoke(run: Run, rendered: RenderedTemplate): Promise<Proven> {
  const { host, request, template, stages, runner, folders } = run;
  const tests = await testFilesDigest(run);
  const buildFile = folders.stageResult(template, rendered.inputsDigest, "build");
  const smokeFile = folders.stageResult(template, rendered.inputsDigest, `smoke-${tests}`);
  // A scan is asked of today's database: an earlier run's result does not answer it.
  if (!request.force && request.scan === undefined) {
    const [image, smoke] = await Promise.all([readResult(buildFile), readResult(smokeFile)]);
    if (
      isImage(image) &&
      isSmokeReport(smoke) &&
      smoke.failed === 0 &&
      (smoke.skipped === 0 || request.allowSkipped)
    ) {
      runner.reuse("build", "kept from the run before");
      runner.reuse("smoke", "kept from the run before");
      return { image, smoke };
    }
  }
  const image = await build(run, rendered);
  const smoke = await runner.run("smoke", async (progress) => {
    const value = await stages.smoke(host, request, rendered, image, progress);
    refuseUnproven(value, request.allowSkipped);
    await keepResult(smokeFile, value);
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
  id: string,
  facts: Facts,
  before: ManifestEntry | undefined,
): Promise<TemplateResult> {
  const { host, request, stages, runner, folders, template } = run;
  const deployedFile = folders.stageResult(template, rendered.inputsDigest, "deployed");
  let sent = false;
  let deployment: Deployment | null = null;
  let verification: SmokeReport | null = null;
  try {
    const earlier = request.force ? undefined : await deployedBefore(deployedFile, before);
    if (earlier !== undefined) {
      deployment = earlier;
      runner.reuse("deploy", deployment.image);
      sent = true;
    } else {
      deployment = await runner.run("deploy", async (progress) => {
        const value = await stages.deploy(host, request, rendered, id, progress, () => {
          sent = true;
        });
        await keepResult(deployedFile, value);
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
    verification = await runner.run("verify", async (progress) => {
      const value = await stages.verify(host, request, rendered, deployed, progress);
      verification = value;
      refuseUnproven(value, request.allowSkipped, "verify");
      return { value, message: `${String(value.passed)} passed` };
    });
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

/** A deployment that stands already: recorded, or made by a run that was ended before it could record it. */
async function deployedBefore(
  file: string,
  before: ManifestEntry | undefined,
): Promise<Deployment | undefined> {
  if (before?.deployment != null && before.status === "deployed") return before.deployment;
  const kept = await readResult(file);
  return isDeployment(kept) ? kept : undefined;
}

async function record(run: Run, entry: ManifestEntry): Promise<TemplateResult> {
  const { host, folders, runner } = run;
  await runner.run("record", async () => {
    await updateManifest(host, folders.manifest, (manifest) => recordEntry(manifest, entry));
    return { value: undefined, message: `${entry.id} ${entry.status}` };
  });
  await forgetResult(folders.stageResult(run.template, entry.inputsDigest, "deployed"));
  return { ...resultOf(entry), stages: runner.records };
}
