/** What happens, as it happens: the people's task tree and `--events` are both made from these. */
export type ReleaseEvent =
  | { readonly type: "release-started"; readonly version: string; readonly templates: readonly string[] }
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
      readonly message?: string;
    }
  | { readonly type: "release-finished"; readonly ok: boolean; readonly upToDate?: boolean }
  | { readonly type: "note"; readonly template?: string; readonly message: string }
  | { readonly type: "warning"; readonly template?: string; readonly message: string };

export const STAGES = ["lock", "render", "build", "smoke", "deploy", "verify", "record"] as const;
export type StageName = (typeof STAGES)[number];
export type StageOutcome = "done" | "reused" | "skipped" | "failed";

export type EmitEvent = (event: ReleaseEvent) => void;
