import type { FaultBoard, FaultName } from "../faults";

/** Faults that show another variant of the index (or of the pool), with the folder of the variant. */
const VARIANTS: readonly (readonly [FaultName, string])[] = [
  ["apt-unsigned", "unsigned"],
  ["apt-wrong-key", "wrong-key"],
  ["apt-expired-key", "expired-key"],
  ["apt-expired-index", "expired-index"],
  ["apt-index-hash", "index-hash"],
  ["apt-downgraded", "downgraded"],
  ["apt-deb-version", "deb-version"],
];

/** How long the rest of an index is still asked for after its InRelease. */
const BELONGS_TOGETHER_MS = 10_000;

/**
 * Which variant a request gets (undefined: the good one). An occasion of a fault is one reading of the index, which begins with
 * InRelease: what is asked for after the last occasion's InRelease still belongs to it, until InRelease is asked for again.
 * @param now in ms
 */
export function variantChooser(faults: FaultBoard, now: () => number): (name: string) => string | undefined {
  let last: { readonly variant: string; readonly until: number } | undefined;
  return (name) => {
    const on = VARIANTS.find(([fault]) => faults.peek(fault) !== undefined);
    if (name.endsWith("/InRelease")) {
      last = undefined;
      if (on !== undefined) {
        const [fault, variant] = on;
        faults.take(fault);
        if (faults.peek(fault) === undefined) last = { variant, until: now() + BELONGS_TOGETHER_MS };
      }
    }
    return on?.[1] ?? (last !== undefined && now() < last.until ? last.variant : undefined);
  };
}
