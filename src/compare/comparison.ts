/** A named value that is not the same on both sides; null: not there. */
export interface Change {
  readonly name: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** A rendered file that differs. */
export interface FilePatch {
  readonly file: string;
  /** Unified, with three lines of context. */
  readonly patch: string;
}

/** A path that differs: what it was and is, as the file list writes it without the path. */
export interface PathChange {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

export interface LayerSize {
  readonly createdBy: string;
  readonly sizeBytes: number;
  readonly fromBase: boolean;
}

export interface CheckTime {
  readonly name: string;
  readonly from: { readonly outcome: string; readonly durationMs: number } | null;
  readonly to: { readonly outcome: string; readonly durationMs: number } | null;
}

/** What was measured of two images, side by side. */
export interface BuiltComparison {
  readonly packages: readonly Change[];
  readonly files: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly PathChange[];
    /** Paths that run as their owner or group on one side only. */
    readonly setuid: { readonly added: readonly string[]; readonly removed: readonly string[] };
  };
  readonly environment: readonly Change[];
  /** entrypoint, cmd, user, workdir, ports, distribution */
  readonly config: readonly Change[];
  readonly sizeBytes: { readonly from: number; readonly to: number };
  readonly layers: { readonly from: readonly LayerSize[]; readonly to: readonly LayerSize[] };
  readonly smoke: readonly CheckTime[];
}

/** What differs between two template versions. */
export interface Comparison {
  readonly from: string;
  readonly to: string;
  readonly inputs: readonly Change[];
  /** Set when the CLI generation changes: what people who mount do now, and did before. */
  readonly generation: {
    readonly from: { readonly name: string; readonly forPeople: string };
    readonly to: { readonly name: string; readonly forPeople: string };
  } | null;
  readonly rendered: readonly FilePatch[];
  /** null when one side was never built (a fresh lock). */
  readonly built: BuiltComparison | null;
}
