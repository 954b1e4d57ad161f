/** Splits a Debian version (Debian Policy §5.6.12): the epoch ends at the first colon, the revision begins after the last hyphen. */
function parseDebianVersion(text: string) {
  const colon = /^\d+:/u.exec(text)?.[0].length ?? 0;
  const hyphen = text.lastIndexOf("-");
  const end = hyphen < colon ? text.length : hyphen;
  return {
    epoch: Number(text.slice(0, Math.max(0, colon - 1))),
    upstream: text.slice(colon, end),
    /** "" if absent. */
    revision: text.slice(end + 1),
  };
}

/**
 * The Mesa version of a package version: without epoch and revision, "~" becomes semver's "-" (0.21.0~alpha.1 → 0.21.0-alpha.1). A revision
 * begins with a digit; a letter after the last hyphen begins a prerelease.
 */
export function mesaVersionOf(debianVersion: string): string {
  const { upstream, revision } = parseDebianVersion(debianVersion);
  const whole = revision === "" || /^\d/u.test(revision) ? upstream : `${upstream}-${revision}`;
  return whole.replace("~", "-");
}

/** Compares Debian versions like dpkg (Policy §5.6.12): negative if a is older. */
export function compareDebianVersions(a: string, b: string): number {
  const left = parseDebianVersion(a);
  const right = parseDebianVersion(b);
  return (
    left.epoch - right.epoch ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision)
  );
}

function compareParts(a: string, b: string): number {
  const left = alternating(a);
  const right = alternating(b);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const l = left[index] ?? "";
    const r = right[index] ?? "";
    const order = index % 2 === 0 ? compareLetters(l, r) : compareNumbers(BigInt(l), BigInt(r));
    if (order !== 0) return order;
  }
  return 0;
}

/** Alternating runs of letters and digits, starting with (possibly empty) letters. */
function alternating(text: string): readonly string[] {
  const runs: readonly string[] = text.match(/\d+|\D+/gu) ?? [];
  return /^\d/u.test(text) ? ["", ...runs] : runs;
}

function compareNumbers(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** "~" sorts before everything, even the end; letters before the rest; then by code. */
function compareLetters(a: string, b: string): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const order = weight(a.charAt(index)) - weight(b.charAt(index));
    if (order !== 0) return order;
  }
  return 0;
}

function weight(character: string): number {
  if (character === "") return 0;
  if (character === "~") return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/u.test(character) ? code : code + 256;
}
