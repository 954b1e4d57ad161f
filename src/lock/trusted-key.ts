import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { PublicKey } from "openpgp";
import { fetchBelow, fingerprintOf, parseKeys } from "../apt/index";
import { Failure } from "../support/errors";
import { readIfPresent, writeAtomically } from "../support/files/files";
import { mesaRepository, type Sources } from "./sources";
import { fingerprintFrom, parseUpstream, type Upstream } from "./upstream";

/** The repository's key, trusted by its full fingerprint. */
export interface TrustedKey {
  readonly key: PublicKey;
  readonly fingerprint: string;
  /** The key file's path as upstream.toml writes it. */
  readonly file: string;
  /** Bytes of a fetched key that is not yet stored beside upstream.toml. */
  readonly fetched: Uint8Array | undefined;
}

/**
 * Reads the pinned key. The trusted fingerprint is that of upstream.toml or, on first use, `trustKey`. On first use the key may be fetched
 * from key-url.
 * @throws Failure KEY_NOT_TRUSTED (exit 2) without either fingerprint, showing the key's own; KEY_DIFFERS (exit 2) if the file holds
 * another key
 */
export async function trustedKey(sources: Sources, trustKey: string | undefined): Promise<TrustedKey> {
  const { upstream } = sources;
  const { keys, file, fetched } = await keyFile(sources);
  const there = keys.map(fingerprintOf);
  const wanted =
    upstream.mesa.fingerprint ??
    (trustKey === undefined ? undefined : fingerprintFrom(trustKey, "--trust-key"));
  if (wanted === undefined) {
    throw new Failure({
      code: "KEY_NOT_TRUSTED",
      kind: "usage",
      message: `The key of ${upstream.mesa.repository} is not trusted yet. Its fingerprint: ${there.join(", ")}.`,
      hint: `Compare it with what the repository's owner publishes, then run lock again with --trust-key ${there[0] ?? "FINGERPRINT"} (it is then pinned in ${upstream.path}).`,
    });
  }
  const key = keys.find((each) => fingerprintOf(each) === wanted);
  if (key !== undefined) return { key, fingerprint: wanted, file, fetched };
  throw new Failure({
    code: "KEY_DIFFERS",
    kind: "usage",
    message: `The key in ${file} is ${there.join(", ")}, not the trusted ${wanted}.`,
    hint: "Either the file or the fingerprint was changed. Find out which one, and by whom, before you continue.",
  });
}

/** The fingerprints of a key that upstream.toml names but does not pin yet; none if no key has to be trusted for the first time. */
export async function untrustedFingerprints(sources: Sources): Promise<readonly string[]> {
  const { vouched, fingerprint } = sources.upstream.mesa;
  if (vouched !== "signed" || fingerprint !== undefined) return [];
  return (await keyFile(sources)).keys.map(fingerprintOf);
}

/** The keys in the file that upstream.toml names; fetched if it is not there yet. */
async function keyFile(
  sources: Sources,
): Promise<Pick<TrustedKey, "file" | "fetched"> & { readonly keys: readonly PublicKey[] }> {
  const { upstream } = sources;
  const named = upstream.mesa.key;
  if (named === undefined) throw new Error("upstream.toml names no key although it says signed");
  const file = named.named;
  const bytes = await readIfPresent(named.path);
  if (bytes !== undefined) return { keys: await parseKeys(bytes, file), file, fetched: undefined };
  if (named.url !== undefined) {
    const { status, body } = await fetchBelow(mesaRepository(sources), named.url, 1024 * 1024);
    if (status === 200) return { keys: await parseKeys(body, file), file, fetched: body };
  }
  throw new Failure({
    code: "KEY_MISSING",
    kind: "usage",
    message: `${named.path} is missing: the public key of ${upstream.mesa.repository}${named.url === undefined ? "" : `, and ${named.url} has none`}.`,
    hint: "Put the repository's signing key there (mesa.key in upstream.toml names the file).",
  });
}

/**
 * Stores a key trusted on first use: the fetched key file beside upstream.toml, and its fingerprint in it.
 * @throws Failure KEY_NOT_PINNED (exit 2) if the fingerprint cannot be inserted into upstream.toml
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
/** Where a key of the table `mesa` can be inserted: after its header, into an inline table, before its first dotted key. */
const PLACES: readonly (readonly [at: RegExp, line: (found: string, pin: string) => string])[] = [
  [
    new RegExp(String.raw`^[ \t]*\[[ \t]*${MESA}[ \t]*\][^\n]*\n`, "gmu"),
    (header, pin) => `${header}${pin}\n`,
  ],
  [new RegExp(String.raw`^[ \t]*${MESA}[ \t]*=[ \t]*\{`, "gmu"), (open, pin) => `${open} ${pin},`],
  [new RegExp(String.raw`^[ \t]*${MESA}[ \t]*\.`, "gmu"), (key, pin) => `mesa.${pin}\n${key}`],
];

/**
 * upstream.toml's text with the fingerprint in its table `mesa`; everything else stays unchanged. Returns a text that already pins one as
 * it is; undefined if there is no place for the fingerprint.
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

/** Whether a text parses to exactly this: a multi-line string may contain what looks like a table header. */
function isUpstream(text: string, path: string, wanted: Upstream): boolean {
  try {
    return isDeepStrictEqual(parseUpstream(text, path), wanted);
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}
