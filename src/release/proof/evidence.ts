import { rm } from "node:fs/promises";
import * as z from "zod/mini";
import { imageSchema } from "../../build/image";
import { deploymentFields } from "../../deploy/deployment";
import { NOT_RECORDED, type Verification } from "../../manifest/entry";
import { MOUNT_CHECK } from "../../smoke/check";
import { reportSchema, type SmokeReport } from "../../smoke/report";
import { canonicalJson } from "../../support/text/canonical-json";
import { parsedJson } from "../../support/text/parsed-json";
import { readIfPresent, writeAtomically } from "../../support/files/files";
import { paths } from "../../support/files/paths";

/** A result together with what it is a result of. It counts only for exactly that. */
const evidenceSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("smoke"),
    imageId: z.string(),
    inputsDigest: z.string(),
    checksDigest: z.string(),
    mounted: z.boolean(),
    image: imageSchema,
    report: reportSchema,
  }),
  z.object({
    kind: z.literal("deployment"),
    workspace: z.string(),
    inputsDigest: z.string(),
    deployment: z.object(deploymentFields),
  }),
  z.object({
    kind: z.literal("verification"),
    workspace: z.string(),
    image: z.string(),
    checksDigest: z.string(),
    mounted: z.boolean(),
    at: z.string(),
    report: reportSchema,
  }),
]);

export type Evidence = z.infer<typeof evidenceSchema>;
export type Smoked = Extract<Evidence, { kind: "smoke" }>;
type Deployed = Extract<Evidence, { kind: "deployment" }>;
export type Verified = Extract<Evidence, { kind: "verification" }>;

/** What earlier runs kept for given inputs: one of each kind, for deployments and verifications one per workspace. */
export interface KeptEvidence {
  /** Whether something was sent to this workspace by a run that ended before it knew the result. */
  readonly isSent?: boolean;
  readonly smoke?: Smoked | undefined;
  readonly deployment?: Deployed | undefined;
  readonly verification?: Verified | undefined;
}

/** Whether Mesa was really mounted, written to and read back. */
export function mountedIn({ checks }: SmokeReport): boolean {
  return checks.some(({ name, outcome }) => name === MOUNT_CHECK && outcome === "passed");
}

/** A report in the manifest's form. */
export function recordOf(
  report: SmokeReport,
  checksDigest: string,
): Outcome & { readonly mounted: boolean; readonly durationMs: number; readonly notRun: string[] } {
  const { passed, failed, skipped, durationMs, checks } = report;
  const notRun = checks.filter(({ outcome }) => outcome === "skipped").map(({ name }) => name);
  return { checksDigest, mounted: mountedIn(report), passed, failed, skipped, durationMs, notRun };
}

interface Outcome {
  readonly checksDigest: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Whether an outcome is proof: it has these checks, none failed, and all ran unless skipping is allowed. */
export function proves(outcome: Outcome, checksDigest: string, allowSkipped: boolean): boolean {
  return (
    outcome.checksDigest === checksDigest &&
    outcome.checksDigest !== NOT_RECORDED &&
    outcome.failed === 0 &&
    (outcome.skipped === 0 || allowSkipped)
  );
}

/** A verification in the manifest's form. */
export function verificationOf({ report, checksDigest, image, at }: Verified): Verification {
  return { ...recordOf(report, checksDigest), image, at };
}

type Kind = Evidence["kind"];

/** The inputs that evidence belongs to. */
interface EvidenceOf {
  readonly template: string;
  readonly inputsDigest: string;
}

function fileOf(root: string, of: EvidenceOf, kind: Kind, workspace: string | undefined): string {
  const name =
    kind === "smoke" ? kind : `${kind}-${encodeURIComponent(workspace ?? "").replaceAll("*", "_")}`;
  return paths(root).stageResult(of.template, of.inputsDigest, name);
}

/** Keeps evidence, so that the next run resumes after it. */
export async function keepEvidence(root: string, of: EvidenceOf, evidence: Evidence): Promise<void> {
  const workspace = evidence.kind === "smoke" ? undefined : evidence.workspace;
  await writeAtomically(fileOf(root, of, evidence.kind, workspace), canonicalJson(evidence));
}

/** Removes evidence that is recorded elsewhere or no longer valid. */
export async function forgetEvidence(
  root: string,
  of: EvidenceOf,
  kinds: readonly Kind[],
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
  workspace: string | undefined,
): Promise<KeptEvidence> {
  const read = async <K extends Kind>(kind: K): Promise<Extract<Evidence, { kind: K }> | undefined> => {
    const text = await readIfPresent(fileOf(root, of, kind, workspace));
    const evidence = evidenceSchema.safeParse(parsedJson(text)).data;
    return evidence?.kind === kind ? (evidence as Extract<Evidence, { kind: K }>) : undefined;
  };
  const [smoke, deployment, verification] = await Promise.all([
    read("smoke"),
    read("deployment"),
    read("verification"),
  ]);
  return {
    smoke: smoke?.inputsDigest === of.inputsDigest && smoke.imageId === smoke.image.id ? smoke : undefined,
    deployment:
      deployment?.inputsDigest === of.inputsDigest &&
      deployment.workspace === workspace &&
      deployment.deployment.workspace === workspace
        ? deployment
        : undefined,
    verification: verification?.workspace === workspace ? verification : undefined,
  };
}
