import { canonicalJson } from "../support/canonical-json";
import type { Lock, LockedImage } from "./lock";

/**
 * Whether two locks stand for the same image: all inputs are equal, and the same key (or first download) vouches for the .deb. Times and
 * the index around an unchanged .deb do not count: a repository writes a new index with each package, and that is no new revision of a template.
 */
export function sameInputs(a: Lock, b: Lock): boolean {
  return canonicalJson(inputsOf(a)) === canonicalJson(inputsOf(b));
}

function inputsOf({ template, mesaVersion, generation, base, sandboxApi, deb, snapshot }: Lock): unknown {
  const { vouched, ...file } = deb;
  const voucher = vouched.by === "signed" ? vouched.chain.key.fingerprint : vouched.by;
  return {
    template,
    mesaVersion,
    generation,
    base: imageOf(base),
    sandboxApi: imageOf(sandboxApi),
    file,
    voucher,
    snapshot,
  };
}

function imageOf(image: LockedImage): unknown {
  return { ...image, resolvedAt: undefined };
}
