import { rm } from "node:fs/promises";
import * as z from "zod/mini";
import { imageSchema, type Image } from "../../build/image";
import {
  deploymentSchema,
  NOT_RECORDED,
  smokeSchema,
  type Verification,
  type VersionDeployment,
} from "../../manifest/entry";
import type { RenderedTemplate } from "../../render/rendered";
import { MOUNT_CHECK } from "../../smoke/check";
import { reportSchema, type SmokeReport } from "../../smoke/report";
import { canonicalJson } from "../../support/text/canonical-json";
import { parsedJson } from "../../support/text/parsed-json";
import { readIfPresent, writeAtomically } from "../../support/files/files";
import { paths } from "../../support/files/paths";

/** The results of earlier stages, in the manifest's form, each with what it is a result of. */
const EVIDENCE = {
  smoke: z.object({ image: imageSchema, smoke: smokeSchema, checks: reportSchema.shape.checks }),
  deployment: z.object({ inputsDigest: z.string(), deployment: deploymentSchema }),
};

/** What smoke found of an image. */
export type Smoked = Readonly<z.infer<typeof EVIDENCE.smoke>>;

/** What earlier runs kept for given inputs in one workspace. */
export interface KeptEvidence {
  /** Whether something was sent to this workspace by a run that ended before it knew the result. */
  readonly isSent?: boolean;
  readonly smoke?: Smoked | undefined;
  /** With its verification, if that succeeded. */
  readonly deployment?: VersionDeployment | undefined;
}

/** The checks of a run. */
export type ChecksRun = Pick<Verification, "checksDigest" | "ownChecksDigest">;

/** A report in the manifest's form. */
export function recordOf(report: SmokeReport, { checksDigest, ownChecksDigest }: ChecksRun) {
  const { passed, failed, skipped, durationMs, checks } = report;
  const notRun = checks.filter(({ outcome }) => outcome === "skipped").map(({ name }) => name);
  // Whether Mesa was really mounted, written to and read back.
  const mounted = checks.some(({ name, outcome }) => name === MOUNT_CHECK && outcome === "passed");
  const own = ownChecksDigest === undefined ? {} : { ownChecksDigest };
  return { checksDigest, ...own, mounted, passed, failed, skipped, durationMs, notRun };
}

/** The smoke evidence of an image. */
export function smokedOf(image: Image, report: SmokeReport, checks: ChecksRun): Smoked {
  const { id: imageId, inputsDigest } = image;
  return {
    image,
    smoke: { imageId, inputsDigest, ...recordOf(report, checks) },
    checks: report.checks,
  };
}

/** Whether an outcome is proof: these checks ran, none failed, and all ran unless skipping is allowed. */
export function proves(
  outcome: ChecksRun & Pick<Verification, "failed" | "skipped">,
  checksDigest: string,
  allowSkipped: boolean,
): boolean {
  return (
    [outcome.checksDigest, outcome.ownChecksDigest].includes(checksDigest) &&
    checksDigest !== NOT_RECORDED &&
    outcome.failed === 0 &&
    (outcome.skipped === 0 || allowSkipped)
  );
}

/** The inputs that evidence belongs to. */
type EvidenceOf = Pick<RenderedTemplate, "template" | "inputsDigest">;

function fileOf(root: string, of: EvidenceOf, kind: keyof typeof EVIDENCE, workspace = ""): string {
  const name = kind === "smoke" ? kind : `${kind}-${encodeURIComponent(workspace).replaceAll("*", "_")}`;
  return paths(root).stageResult(of.template, of.inputsDigest, name);
}

/** Keeps what smoke found, so that the next run resumes after it. */
export async function keepSmoked(root: string, smoked: Smoked): Promise<void> {
  await writeAtomically(fileOf(root, smoked.image, "smoke"), canonicalJson(smoked));
}

/** Keeps a deployment and its verification until the manifest has them. */
export async function keepDeployment(
  root: string,
  of: EvidenceOf,
  deployment: VersionDeployment,
): Promise<void> {
  const path = fileOf(root, of, "deployment", deployment.workspace);
  await writeAtomically(path, canonicalJson({ inputsDigest: of.inputsDigest, deployment }));
}

/** Removes evidence that is recorded elsewhere or no longer valid. */
export async function forgetEvidence(
  root: string,
  of: EvidenceOf,
  kinds: readonly (keyof typeof EVIDENCE)[],
  workspace: string | undefined,
): Promise<void> {
  for (const kind of kinds) await rm(fileOf(root, of, kind, workspace), { force: true });
}

/**
 * The evidence kept for these inputs in this workspace. A file that is damaged, outdated or does not match its name counts as absent, which
 * only repeats the stage.
 */
export async function keptEvidence(
  root: string,
  of: EvidenceOf,
  workspace = "",
): Promise<Pick<KeptEvidence, "smoke" | "deployment">> {
  const [one, other] = await Promise.all([
    readIfPresent(fileOf(root, of, "smoke")),
    readIfPresent(fileOf(root, of, "deployment", workspace)),
  ]);
  const smoked = EVIDENCE.smoke.safeParse(parsedJson(one)).data;
  const deployed = EVIDENCE.deployment.safeParse(parsedJson(other)).data;
  const isOfImage =
    smoked?.smoke.inputsDigest === of.inputsDigest && smoked.smoke.imageId === smoked.image.id;
  const isDeployed =
    deployed?.inputsDigest === of.inputsDigest && deployed.deployment.workspace === workspace;
  return {
    smoke: isOfImage ? smoked : undefined,
    deployment: isDeployed ? deployed.deployment : undefined,
  };
}
