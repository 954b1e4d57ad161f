import { canonicalJson } from "../support/canonical-json";
import type { Manifest } from "./entry";
import { versionsBeginAt, VERSIONS_KEY } from "./layout";
import type { ManifestFile } from "./read";

/**
 * The text of a changed manifest, in pieces. Moving a channel changes no version: where the file is laid out as this program
 * writes it, the versions' part, which may be megabytes, is then taken as it stands. Everything else is written anew, keys sorted.
 */
export function changedText(
  { manifest, source }: ManifestFile,
  after: Manifest,
): readonly (string | Buffer)[] {
  const whole = (): readonly string[] => [canonicalJson(after)];
  if (source === undefined || after.versions !== manifest.versions) return whole();
  const { versions, ...rest } = after;
  if (!isSorted(Object.keys(versions)) || Object.keys(rest).some((key) => key > "versions")) return whole();
  if (versionsBeginAt(source.text, manifest) === undefined) return whole();
  const head = canonicalJson(rest);
  return [
    `${head.slice(0, head.lastIndexOf("\n}"))},`,
    source.bytes.subarray(source.bytes.indexOf(VERSIONS_KEY)),
  ];
}

function isSorted(keys: readonly string[]): boolean {
  return keys.every((key, at) => at === 0 || (keys[at - 1] ?? "") < key);
}
