import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { Failure } from "../support/errors";
import { writeAtomically } from "../support/files";
import type { TrustedKey } from "./trusted-key";
import { parseUpstream, type Upstream } from "./upstream";

/**
 * Keeps what was trusted on first use: the fetched key file beside upstream.toml, and its fingerprint in it. From then on nothing is asked again.
 * @throws Failure KEY_NOT_PINNED (exit 2) where upstream.toml is written in a way that leaves no place for the fingerprint
 */
export async function pinTrustedKey(upstream: Upstream, { fingerprint, fetched }: TrustedKey): Promise<void> {
  const text = await readFile(upstream.path, "utf8");
  const pinned = withFingerprint(text, fingerprint, upstream.path);
  if (pinned === undefined)
    throw new Failure({
      code: "KEY_NOT_PINNED",
      kind: "usage",
      message: `The fingerprint of the trusted key could not be written into ${upstream.path}.`,
      hint: `Write it there yourself: fingerprint = "${fingerprint}" in the table [mesa]. Then run again, without --trust-key.`,
    });
  if (fetched !== undefined && upstream.mesa.key !== undefined)
    await writeAtomically(upstream.mesa.key.path, fetched);
  if (pinned !== text) await writeAtomically(upstream.path, pinned);
}

const MESA = String.raw`(?:mesa|"mesa"|'mesa')`;
/** Where a key of the table `mesa` can be written: after its header, into an inline table, before its first dotted key. */
const PLACES: readonly (readonly [at: RegExp, line: (found: string, pin: string) => string])[] = [
  [
    new RegExp(String.raw`^[ \t]*\[[ \t]*${MESA}[ \t]*\][^\n]*\n`, "gmu"),
    (header, pin) => `${header}${pin}\n`,
  ],
  [new RegExp(String.raw`^[ \t]*${MESA}[ \t]*=[ \t]*\{`, "gmu"), (open, pin) => `${open} ${pin},`],
  [new RegExp(String.raw`^[ \t]*${MESA}[ \t]*\.`, "gmu"), (key, pin) => `mesa.${pin}\n${key}`],
];

/**
 * upstream.toml's text with the fingerprint in its table `mesa`; everything else stays as people wrote it. A text that pins one already
 * comes back as it is; undefined where no place for it is found.
 */
export function withFingerprint(text: string, fingerprint: string, path: string): string | undefined {
  const before = parseUpstream(text, path);
  if (before.mesa.fingerprint !== undefined) return text;
  const wanted = { ...before, mesa: { ...before.mesa, fingerprint } };
  for (const [at, line] of PLACES) {
    for (const match of text.matchAll(at)) {
      const [found] = match;
      const pinned = `${text.slice(0, match.index)}${line(found, `fingerprint = "${fingerprint}"`)}${text.slice(match.index + found.length)}`;
      if (isUpstream(pinned, path, wanted)) return pinned;
    }
  }
  return undefined;
}

/** Whether a text says exactly this: what looks like a table's header may stand in a text of several lines. */
function isUpstream(text: string, path: string, wanted: Upstream): boolean {
  try {
    return isDeepStrictEqual(parseUpstream(text, path), wanted);
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}
