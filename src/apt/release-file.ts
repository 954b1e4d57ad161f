import { messageOf, refusal, type Failure } from "../support/errors";
import { parseControl, type Paragraph } from "./deb822";
import { CLOCK_TOLERANCE_MS } from "./signature";

/** A file listed in a Release. */
export interface ListedFile {
  readonly sha256: string;
  readonly size: number;
}

/** A repository's Release file, parsed. Times are ms since the epoch. */
export type Release = Readonly<ReturnType<typeof parseRelease>>;

/**
 * Parses a Release file (Debian wiki, "DebianRepository/Format"). Refuses one without a Date or SHA256 sums (RELEASE_MALFORMED): weaker
 * sums prove nothing.
 */
export function parseRelease(text: string) {
  const fields = onlyParagraph(text);
  const date = dateIn(fields.get("date"));
  if (date === undefined) throw malformed("has no Date, so its age cannot be known");
  const until = fields.get("valid-until");
  const validUntil = dateIn(until);
  if (until !== undefined && validUntil === undefined)
    throw malformed(`has Valid-Until: ${until}, which is not a date`);
  const sums = fields.get("sha256");
  if (sums === undefined) throw malformed("lists no SHA256 sums, so it cannot verify an index");
  return {
    date,
    validUntil,
    suite: fields.get("suite"),
    codename: fields.get("codename"),
    /** By path below dists/<suite>/. */
    files: sumsIn(sums),
  };
}

function malformed(what: string, cause?: unknown): Failure {
  return refusal("RELEASE_MALFORMED", `The repository's Release file ${what}.`, undefined, cause);
}

function onlyParagraph(text: string): Paragraph {
  let paragraphs: readonly Paragraph[];
  try {
    paragraphs = parseControl(text);
  } catch (error) {
    throw malformed(`cannot be read: ${messageOf(error)}`, error);
  }
  const [first, ...more] = paragraphs;
  if (first === undefined || more.length > 0) throw malformed("is not one paragraph");
  return first;
}

function dateIn(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

function sumsIn(text: string): ReadonlyMap<string, ListedFile> {
  const files = new Map<string, ListedFile>();
  for (const line of text.split("\n").map((each) => each.trim())) {
    if (line === "") continue;
    const [sha256 = "", size = "", path = "", ...more] = line.split(/\s+/u);
    if (!/^[0-9a-f]{64}$/iu.test(sha256) || !/^\d+$/u.test(size) || path === "" || more.length > 0) {
      throw malformed(`has an invalid SHA256 line: ${JSON.stringify(line.slice(0, 120))}`);
    }
    files.set(path, { sha256: sha256.toLowerCase(), size: Number(size) });
  }
  return files;
}

/**
 * Refuses a Release of another suite than requested: the same key may sign several, and a mirror may serve any of them. As in apt, a suite
 * is requested by its Suite or its Codename. A Release with neither is accepted.
 */
export function checkSuite({ suite, codename }: Release, wanted: string, url: string): void {
  const named = [suite, codename].filter((name) => name !== undefined);
  if (named.length === 0 || named.includes(wanted)) return;
  throw refusal(
    "SUITE_DIFFERS",
    `${url} is signed, but it is the index of another suite: Suite ${suite ?? "(none)"}, Codename ${codename ?? "(none)"}, not ${wanted}.`,
    "The mirror may mix up its suites, or somebody may be serving other packages. Try without the mirror, and check mesa.suite in upstream.toml.",
  );
}

/** Refuses a Release that has expired or is not yet valid at `now` (ms), or is older than one used before (`notBefore`, ms). */
export function checkReleaseTimes(release: Release, now: number, notBefore: number | undefined): void {
  const made = new Date(release.date).toISOString();
  if (release.validUntil !== undefined && release.validUntil < now) {
    throw refusal(
      "INDEX_EXPIRED",
      `The repository's index was valid until ${new Date(release.validUntil).toISOString()} and it is ${new Date(now).toISOString()}.`,
      "The mirror may be stale, or somebody may be serving an old index. Try without the mirror, and check this machine's clock.",
    );
  }
  if (release.date > now + CLOCK_TOLERANCE_MS) {
    throw refusal(
      "INDEX_NOT_YET_VALID",
      `The repository's index is dated ${made}, and it is only ${new Date(now).toISOString()}.`,
      "Check this machine's clock.",
    );
  }
  if (notBefore !== undefined && release.date < notBefore) {
    throw refusal(
      "INDEX_DOWNGRADED",
      `The repository's index is dated ${made}, older than the one of ${new Date(notBefore).toISOString()} in the lock.`,
      "The mirror may lag behind, or somebody may be serving an old index to hold back an update. Try without the mirror, or later.",
    );
  }
}
