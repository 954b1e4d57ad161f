import type { Severity } from "../build/scan";
import type { Deployment } from "../deploy/deployment";
import type { StageName, StageOutcome } from "../support/events";

/** What is to be released, and how. */
export interface ReleaseRequest {
  readonly root: string;
  /** Strict semver. */
  readonly version: string;
  readonly templates: readonly string[];
  readonly upstreamPath: string;
  readonly concurrency: number;
  readonly force: boolean;
  readonly relock: boolean;
  /** Nothing is resolved: a lock that is missing, was edited or does not fit is a failure. */
  readonly frozen?: boolean;
  readonly deploy: boolean;
  readonly verify: boolean;
  readonly allowSkipped: boolean;
  readonly adopt: boolean;
  readonly publish: "deploy" | "push";
  readonly deployTimeoutMs: number;
  readonly trustKey: string | undefined;
  readonly structureTests: readonly string[];
  /** Check files besides the templates' own. */
  readonly checks: readonly string[];
  /** Scan the image for vulnerabilities, and refuse it for this severity or more. */
  readonly scan?: Severity | undefined;
  /** A buildx builder's name, "classic" or "buildkit"; undefined: the engine builds as it does best. */
  readonly builder?: string | undefined;
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
  readonly verification: Counts | null;
  readonly deployment: Deployment | null;
  /** Since when, for what is up to date. */
  readonly since?: string;
  readonly error?: unknown;
}
