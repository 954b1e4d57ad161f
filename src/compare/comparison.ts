/** A named value that differs between the sides; null: absent. */
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

/** A path that differs: its old and new line of the file list, without the path. */
interface PathChange {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

export interface LayerSize {
  readonly createdBy: string;
  readonly sizeBytes: number;
  readonly fromBase: boolean;
}

interface CheckTime {
  readonly name: string;
  readonly from: { readonly outcome: string; readonly durationMs: number } | null;
  readonly to: { readonly outcome: string; readonly durationMs: number } | null;
}

/** The measured differences of two images. */
export interface BuiltComparison {
  readonly packages: readonly Change[];
  readonly files: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly PathChange[];
    /** Paths with setuid or setgid on one side only. */
    readonly setuid: { readonly added: readonly string[]; readonly removed: readonly string[] };
  };
  readonly environment: readonly Change[];
  /** entrypoint, cmd, user, workdir, ports, distribution */
  readonly config: readonly Change[];
  readonly sizeBytes: { readonly from: number; readonly to: number };
  readonly layers: { readonly from: readonly LayerSize[]; readonly to: readonly LayerSize[] };
  readonly smoke: readonly CheckTime[];
}

/** The differences between two template versions. */
export interface Comparison {
  readonly from: string;
  readonly to: string;
  readonly inputs: readonly Change[];
  /** Set if the CLI generation changes: how to mount now and before. */
  readonly generation: {
    readonly from: { readonly name: string; readonly forPeople: string };
    readonly to: { readonly name: string; readonly forPeople: string };
  } | null;
  readonly rendered: readonly FilePatch[];
  /** null if one side was never built (a fresh lock). */
  readonly built: BuiltComparison | null;
}
