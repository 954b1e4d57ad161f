/** What happens during a run, as it happens: source of the task tree and of `--events`. */
export type ReleaseEvent =
  | {
      readonly type: "release-started";
      readonly version: string;
      readonly templates: readonly string[];
      /** The image is pushed to a registry, and Blaxel imports it from there. */
      readonly publishes?: boolean;
    }
  | { readonly type: "stage-started"; readonly template: string; readonly stage: StageName }
  | {
      readonly type: "stage-progress";
      readonly template: string;
      readonly stage: StageName;
      readonly message: string;
    }
  | {
      readonly type: "stage-finished";
      readonly template: string;
      readonly stage: StageName;
      readonly outcome: StageOutcome;
      readonly durationMs: number;
      readonly message?: string | undefined;
    }
  | { readonly type: "release-finished"; readonly ok: boolean; readonly upToDate?: boolean }
  | { readonly type: "note"; readonly template?: string; readonly message: string }
  | { readonly type: "warning"; readonly template?: string; readonly message: string };

const STAGES = ["lock", "render", "build", "smoke", "push", "deploy", "verify", "record"] as const;
export type StageName = (typeof STAGES)[number];

/** The stages of a release, in order; without a registry, nothing is pushed. */
export function stagesOf(publishes: boolean): readonly StageName[] {
  return publishes ? STAGES : STAGES.filter((stage) => stage !== "push");
}

export type StageOutcome = "done" | "reused" | "skipped" | "failed";

export type EmitEvent = (event: ReleaseEvent) => void;
