import { readFile } from "node:fs/promises";
import { writeAtomically } from "../support/files";
import type { TrustedKey } from "./trusted-key";
import { parseUpstream, type Upstream } from "./upstream";

/** Keeps what was trusted on first use: the fetched key file beside upstream.toml, and its fingerprint in it. From then on nothing is asked again. */
export async function pinTrustedKey(upstream: Upstream, { fingerprint, fetched }: TrustedKey): Promise<void> {
  if (fetched !== undefined && upstream.mesa.key !== undefined)
    await writeAtomically(upstream.mesa.key.path, fetched);
  const text = await readFile(upstream.path, "utf8");
  if (parseUpstream(text, upstream.path).mesa.fingerprint !== undefined) return;
  const pinned = withFingerprint(text, fingerprint);
  if (parseUpstream(pinned, upstream.path).mesa.fingerprint === fingerprint)
    await writeAtomically(upstream.path, pinned);
}

/** upstream.toml's text with the fingerprint as the first line of its [mesa] table; everything else stays as people wrote it. */
export function withFingerprint(text: string, fingerprint: string): string {
  return text.replace(/^(\[mesa\][^\n]*\n)/mu, `$1fingerprint = "${fingerprint}"\n`);
}
