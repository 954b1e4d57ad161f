import { canonicalJson } from "../support/canonical-json";
import { imagesOf, type Lock, type LockedImage } from "./lock";

/**
 * Whether two locks stand for the same image: all inputs are equal, and the same key (or first download) vouches for the .deb. Times and
 * the index around an unchanged .deb do not count: a repository writes a new index with each package, and that is no new revision of a template.
 */
export function sameInputs(a: Lock, b: Lock): boolean {
  return canonicalJson(inputsOf(a)) === canonicalJson(inputsOf(b));
}

function inputsOf(lock: Lock): unknown {
  const { template, mesaVersion, generation, deb, downloads, snapshot } = lock;
  const { vouched, ...file } = deb;
  const voucher = vouched.by === "signed" ? vouched.chain.key.fingerprint : vouched.by;
  const images = imagesOf(lock).map(([what, image]) => [what, imageOf(image)]);
  return { template, mesaVersion, generation, images, file, voucher, downloads, snapshot };
}

function imageOf(image: LockedImage): unknown {
  return { ...image, resolvedAt: undefined };
}
