import type { Severity } from "../build/scan";
import type { Signer } from "../publish/signer";
import type { Verification, VersionDeployment } from "../manifest/entry";
import type { StageName, StageOutcome } from "../support/events";

/** A template at a Mesa version. */
export interface Target {
  readonly template: string;
  readonly version: string;
}

/** What decides what a release has to do: the same for a release, its dry run and a pipeline's matrix. */
export interface PlanRequest {
  readonly root: string;
  /** Strict semver. */
  readonly version: string;
  readonly upstreamPath: string;
  readonly force: boolean;
  readonly relock: boolean;
  /** Nothing is resolved: a lock that is missing or does not fit is a failure. */
  readonly frozen: boolean;
  readonly deploy: boolean;
  readonly verify: boolean;
  readonly allowSkipped: boolean;
  /** Container-structure-test files besides the templates' own. */
  readonly structureTests: readonly string[];
  /** Check files besides the templates' own. */
  readonly checks: readonly string[];
  /** Push the proven image there instead of where upstream.toml says. */
  readonly registry: string | undefined;
  /** Who signs provenance and SBOM of what is published; undefined: nobody. */
  readonly signer: Signer | undefined;
  /** Scan the image for vulnerabilities, and refuse it for this severity or more. */
  readonly scan: Severity | undefined;
}

/** What is to be released, and how. */
export interface ReleaseRequest extends PlanRequest {
  readonly templates: readonly string[];
  readonly concurrency: number;
  readonly adopt: boolean;
  readonly publish: "deploy" | "push";
  readonly deployTimeoutMs: number;
  readonly trustKey: string | undefined;
  /** A buildx builder's name, "classic" or "buildkit"; undefined: the engine builds as it does best. */
  readonly builder: string | undefined;
}

export interface StageRecord {
  readonly stage: StageName;
  readonly outcome: StageOutcome;
  readonly durationMs: number;
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly durationMs: number;
}

/** What one template came to. */
export interface TemplateResult {
  readonly template: string;
  /** The template version's id; null when it failed before it had one. */
  readonly id: string | null;
  readonly status: string;
  readonly upToDate: boolean;
  readonly stages: readonly StageRecord[];
  readonly image: { readonly id: string; readonly sizeBytes: number; readonly layers: number } | null;
  readonly smoke: Counts | null;
  /** What the workspace in use holds. */
  readonly deployment: VersionDeployment | null;
  readonly verification: Verification | null;
  /** Since when, for what is up to date. */
  readonly since?: string;
  readonly error?: unknown;
}
