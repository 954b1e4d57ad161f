import { refuseUnfitCredential } from "../mesa/access";
import { parse } from "smol-toml";
import * as z from "zod/mini";
import type { ManifestEntry, VersionDeployment, VersionStatus } from "../manifest/entry";
import { inWorkspace } from "../manifest/versions/in-workspace";
import { channelsAt } from "../manifest/channels/pointing";
import { readManifest, recordEntry, updateManifest } from "../manifest/index";
import { notMeasured, readRecord } from "../record/store";
import type { ProvenTemplate } from "../render/rendered";
import type { SmokeReport } from "../smoke/report";
import { isoTime } from "../support/clock";
import type { Failure } from "../support/errors";
import { paths } from "../support/files/paths";
import { recordOf } from "./proof/evidence";
import { unprovenFailure } from "./proof/refuse-unproven";
import type { PlanRequest } from "./request";
import type { Run } from "./run";
import { stageProgress } from "./stages/stage-runner";
import type { Stages } from "./stages/stages";
import { checksRun, reportOf, testFilesOf } from "./proof/test-files";

export interface VerifyResult {
  readonly id: string;
  readonly status: VersionStatus;
  readonly report: SmokeReport;
  /** Why the version is not proven. */
  readonly error: Failure | undefined;
}

/**
 * Proves one workspace's deployment of a version again, with the revision's own lock and rendering, and records the result as its newest
 * verification there.
 * @throws Failure NOT_MEASURED (exit 8) if the revision's record is missing, and those of the verification
 */
export async function verifyVersion(
  run: Run,
  { allowSkipped, checks }: Pick<PlanRequest, "allowSkipped" | "checks">,
  entry: ManifestEntry,
  deployment: VersionDeployment,
  stages: Pick<Stages, "verify">,
): Promise<VerifyResult> {
  const { host, root } = run;
  refuseUnfitCredential(host.env, entry.mesaVersion);
  const rendered = await renderedThen(root, entry);
  const files = testFilesOf(root, entry.template, { checks, structureTests: [] });
  const ran = await checksRun(root, entry.template, { checks, structureTests: [] });
  const report = await reportOf(files, ran.checksDigest, () =>
    stages.verify(rendered, deployment, files.checks, stageProgress(host, entry.template, "verify")),
  );
  const at = isoTime(host.clock.now());
  const error = await refusalOf(run, entry, report, allowSkipped);
  const failure =
    report.failed === 0
      ? null
      : {
          stage: "verify",
          code: error?.code ?? "VERIFY_FAILED",
          workspace: deployment.workspace,
          message: host.redact(error?.message ?? "checks failed"),
        };
  const verification = { ...recordOf(report, ran), image: deployment.image, at };
  const after = await updateManifest(host, paths(root).manifest, (manifest) => {
    const now = manifest.versions[entry.id] ?? entry;
    const standing = inWorkspace(now, deployment.workspace).deployment;
    // Another image was deployed meanwhile; the result does not apply to it.
    if (standing !== null && standing.image !== deployment.image) return manifest;
    const others =
      now.failure !== null && now.failure.workspace !== deployment.workspace ? now.failure : null;
    const deployments = { [deployment.workspace]: { ...deployment, verification } };
    return recordEntry(manifest, { ...now, deployments, failure: failure ?? others }, at);
  });
  const status = inWorkspace(after.versions[entry.id] ?? entry, deployment.workspace).status;
  return { id: entry.id, status, report, error };
}

/** Why a version is not proven, with the channels that point at it. */
async function refusalOf(
  { host, root }: Run,
  { id }: ManifestEntry,
  report: SmokeReport,
  allowSkipped: boolean,
): Promise<Failure | undefined> {
  const why = unprovenFailure(report, allowSkipped, "verify");
  if (why === undefined) return undefined;
  const message = host.redact(why.message);
  const channels = channelsAt(await readManifest(paths(root).manifest), id);
  if (channels.length === 0) return why.with({ template: id, message });
  return why.with({
    template: id,
    message: `${message} ${channels.join(", ")} points at it.`,
    hint: `${why.hint ?? ""} To withdraw it: mesa-template revoke ${id} --reason … --rollback`,
  });
}

const blaxelToml = z.object({
  name: z.string(),
  region: z.exactOptional(z.string()),
  runtime: z.object({
    memory: z.number(),
    ports: z._default(
      z.array(
        z.object({
          name: z.string(),
          target: z.number(),
          protocol: z._default(z.enum(["http", "tcp", "udp", "tls"]), "http"),
        }),
      ),
      [],
    ),
  }),
});

/** A revision's rendering at build time, from its record: folder and template may have changed since. */
async function renderedThen(root: string, entry: ManifestEntry): Promise<ProvenTemplate> {
  const measured = await readRecord(root, entry);
  if (measured === undefined) throw notMeasured(root, entry);
  const { lock, rendered } = measured.record;
  const { name, region, runtime } = blaxelToml.parse(parse(rendered["blaxel.toml"] ?? ""));
  return {
    template: entry.template,
    mesaVersion: entry.mesaVersion,
    lock,
    inputsDigest: entry.inputsDigest,
    settings: {
      // The size limit applies where the image is built.
      image: { budgetMegabytes: Infinity },
      sandbox: {
        name,
        memoryMegabytes: runtime.memory,
        ports: runtime.ports,
        ...(region === undefined ? {} : { region }),
      },
    },
    files: Object.entries(rendered).map(([name, text]) => ({
      name,
      mode: 0o644,
      contents: Buffer.from(text),
    })),
  };
}
