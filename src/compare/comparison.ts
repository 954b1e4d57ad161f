import type { VersionRecord } from "../record/record";

/** A value of each side. */
interface Sides<T> {
  readonly from: T;
  readonly to: T;
}

/** A named value that differs between the sides; null: absent. */
export interface Change extends Sides<string | null> {
  readonly name: string;
}

/** A rendered file that differs. */
export interface FilePatch {
  readonly file: string;
  /** Unified, with three lines of context. */
  readonly patch: string;
}

export interface LayerSize {
  readonly createdBy: string;
  readonly sizeBytes: number;
  readonly fromBase: boolean;
}

/** The measured differences of two images. */
export interface BuiltComparison {
  readonly packages: readonly Change[];
  readonly files: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    /** The old and new line of the file list, without the path. */
    readonly changed: readonly ({ readonly path: string } & Sides<string>)[];
    /** Paths with setuid or setgid on one side only. */
    readonly setuid: { readonly added: readonly string[]; readonly removed: readonly string[] };
  };
  readonly environment: readonly Change[];
  /** entrypoint, cmd, user, workdir, ports, distribution */
  readonly config: readonly Change[];
  readonly sizeBytes: Sides<number>;
  readonly layers: Sides<readonly LayerSize[]>;
  readonly smoke: readonly ({ readonly name: string } & Sides<CheckTime | null>)[];
}

type CheckTime = Pick<VersionRecord["smoke"][number], "outcome" | "durationMs">;

/** The differences between two template versions. */
export interface Comparison extends Sides<string> {
  readonly inputs: readonly Change[];
  /** Set if the CLI generation changes: how to mount now and before. */
  readonly generation: Sides<{ readonly name: string; readonly forPeople: string }> | null;
  readonly rendered: readonly FilePatch[];
  /** null if one side was never built (a fresh lock). */
  readonly built: BuiltComparison | null;
}
