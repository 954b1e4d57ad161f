import type { Severity } from "../build/severity";
import type { Signer } from "../publish/signer";
import type { ManifestEntry, Verification, VersionDeployment } from "../manifest/entry";
import type { TestFiles } from "../smoke/index";
import type { StageName, StageOutcome } from "../support/events";

/** A template at a Mesa version. */
export interface Target {
  readonly template: string;
  /** Strict semver. */
  readonly version: string;
}

/** How to lock a template. */
export interface LockRequest extends Target {
  /** Fingerprint of a key of the package repository to trust from now on. */
  readonly trustKey: string | undefined;
}

/** How to build an image. */
export interface BuildRequest {
  readonly force: boolean;
  /** Name of a buildx builder, "classic" or "buildkit"; undefined: the engine's best one. */
  readonly builder: string | undefined;
  /** Scan the image and refuse it from this severity on. */
  readonly scan: Severity | undefined;
}

/**
 * The input of a release that decides its plan: the same for a release, its dry run and a pipeline's matrix. Test files are those besides
 * the templates' own.
 */
export interface PlanRequest extends TestFiles, Omit<LockRequest, "template">, Omit<BuildRequest, "builder"> {
  readonly relock: boolean;
  /** Build again with today's packages; make a revision only if something besides times has changed. */
  readonly refresh: boolean;
  /** Resolve nothing: a missing or unfitting lock is a failure. */
  readonly frozen: boolean;
  readonly deploy: boolean;
  readonly verify: boolean;
  readonly allowSkipped: boolean;
  readonly publish: "deploy" | "push";
  /** Push the proven image there instead of to upstream.toml's registry. */
  readonly registry: string | undefined;
  /** Who signs provenance and SBOM of published images; undefined: nobody. */
  readonly signer: Signer | undefined;
}

/** What to release, and how. */
export interface ReleaseRequest extends PlanRequest, BuildRequest {
  readonly templates: readonly string[];
  readonly concurrency: number;
  readonly adopt: boolean;
  /** From before bl starts until the deployed image is seen running, in ms. */
  readonly timeoutMs: number;
}

export interface StageRecord {
  readonly stage: StageName;
  readonly outcome: StageOutcome;
  readonly durationMs: number;
}

/** The result for one template. */
export interface TemplateResult {
  readonly template: string;
  /** The template version's id; null if it failed before it had one. */
  readonly id: string | null;
  readonly status: string;
  readonly upToDate: boolean;
  readonly stages: readonly StageRecord[];
  readonly image: ManifestEntry["image"] | null;
  readonly smoke: ManifestEntry["smoke"] | null;
  /** The deployment in the workspace in use. */
  readonly deployment: VersionDeployment | null;
  readonly verification: Verification | null;
  /** For an up-to-date version: since when. */
  readonly since?: string;
  readonly error?: unknown;
}
