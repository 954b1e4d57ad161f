import { generationOf } from "../mesa/generation";
import { parseImageReference } from "../registry/reference";
import { canonicalJson } from "../support/text/canonical-json";
import { Failure, messageOf } from "../support/errors";
import {
  downloadUrl,
  type DownloadInput,
  type ImageInput,
  type Lock,
  type LockedDownload,
  type LockedImage,
  type LockInputs,
} from "./lock";
import { isSealed, parseLock, readLock } from "./lock-file";
import type { Upstream } from "./upstream";

/** A mismatch of a lock. */
export interface LockProblem {
  readonly problem:
    | "missing"
    | "invalid"
    | "edited"
    | "template"
    | "mesa-version"
    | "generation"
    | "base"
    | "sandbox-api"
    | "image"
    | "download"
    | "package"
    | "voucher"
    | "snapshot";
  readonly message: string;
}

/** The files that name a lock's inputs. */
export interface NamedInputs {
  readonly settings: LockInputs;
  /** undefined: no upstream.toml, so nothing else is named. */
  readonly upstream: Upstream | undefined;
}

/** What a lock must match. */
export interface LockExpectation extends NamedInputs {
  readonly template: string;
  readonly mesaVersion: string;
  readonly upstream: Upstream;
  /** The lock's path, for messages. */
  readonly path: string;
}

/**
 * All problems of a lock.json (its text; undefined if missing): missing, malformed, edited by hand, for another template or version, or
 * resolved from names that template.toml or upstream.toml no longer have. Makes no requests.
 */
export function checkLock(text: string | undefined, expected: LockExpectation): readonly LockProblem[] {
  if (text === undefined)
    return [
      {
        problem: "missing",
        message: `there is no ${expected.path}; mesa-template lock ${expected.mesaVersion} writes it`,
      },
    ];
  let lock: Lock;
  try {
    lock = parseLock(text, expected.path);
  } catch (error) {
    return [{ problem: "invalid", message: messageOf(error) }];
  }
  return [
    ...editedByHand(lock, text),
    ...namedOtherwise(lock, expected),
    ...resolvedOtherwise(lock, expected),
  ];
}

/**
 * A lock.json, and why it is stale: a sentence for each input that template.toml or upstream.toml now name differently. A change of who
 * vouches for the .deb does not count, because its bytes stay the same. Makes no requests.
 * @throws Failure as readLock
 */
export async function readLockAndCompare(path: string, named: NamedInputs) {
  const lock = await readLock(path);
  const renamed = lock === undefined ? [] : resolvedOtherwise(lock, named);
  const stale = renamed.flatMap(({ problem, message }) => (problem === "voucher" ? [] : [message]));
  return { lock, stale };
}

/** A lock and its problems. */
export interface CheckedLock {
  readonly template: string;
  readonly mesaVersion: string;
  readonly path: string;
  readonly problems: readonly LockProblem[];
}

/** The failure for locks with problems (usage, exit 2). */
export function lockCheckFailed(found: readonly CheckedLock[]): Failure {
  const bad = found.filter(({ problems }) => problems.length > 0);
  const versions = [...new Set(bad.map(({ mesaVersion }) => mesaVersion))];
  return new Failure({
    code: "LOCK_CHECK_FAILED",
    kind: "usage",
    message: `${bad.map(({ template, mesaVersion }) => `${template}@${mesaVersion}`).join(", ")}: the lock is missing, invalid or outdated.`,
    log: bad.flatMap(({ template, problems }) =>
      problems.map(({ problem, message }) => `${template} (${problem}): ${message}`),
    ),
    hint: `mesa-template lock ${versions[0] ?? "VERSION"} writes a lock that is missing or outdated, with --relock one that was edited. Remove an invalid one first. Review the difference before you commit it.`,
  });
}

function editedByHand(lock: Lock, text: string): readonly LockProblem[] {
  const message =
    lock.integrity === undefined
      ? "it has no integrity field, so nothing proves that mesa-template wrote it"
      : !isSealed(lock)
        ? "it was edited by hand: its integrity does not match its contents"
        : canonicalJson(lock) === text
          ? undefined
          : "it was written by another program: the values match, the format does not (sorted keys, two spaces)";
  return message === undefined ? [] : [{ problem: "edited", message }];
}

/** What is compared: the lock's part that has the problem if they differ, words for what it is, what it is, and what it should be. */
type Comparison = readonly [LockProblem["problem"], what: string, found: string, expected: string];

function differing(comparisons: readonly Comparison[]): readonly LockProblem[] {
  return comparisons.flatMap(([problem, what, found, expected]) =>
    found === expected ? [] : [{ problem, message: `${what} ${found}, but should be ${expected}` }],
  );
}

function namedOtherwise(lock: Lock, { template, mesaVersion }: LockExpectation): readonly LockProblem[] {
  return differing([
    ["template", "it is the lock of template", lock.template, template],
    ["mesa-version", "it is the lock of Mesa", lock.mesaVersion, mesaVersion],
    ["generation", "its CLI generation is", lock.generation, generationOf(lock.mesaVersion).name],
  ]);
}

function resolvedOtherwise(lock: Lock, { settings, upstream }: NamedInputs): readonly LockProblem[] {
  return [
    ...differing([
      ["base", "its base image is", tagged(lock.base, settings.base), named(settings.base)],
      ...byName("image", lock.images, tagged, settings.images, named),
      ...byName("download", lock.downloads, lockedDownload, settings.downloads, wantedDownload),
    ]),
    ...(upstream === undefined ? [] : fromElsewhere(lock, upstream)),
  ];
}

function fromElsewhere(lock: Lock, { mesa, sandboxApi, snapshot }: Upstream): readonly LockProblem[] {
  const { url, package: name, vouched } = lock.deb;
  const key = vouched.by === "signed" ? vouched.chain.key.fingerprint : undefined;
  const message = `its .deb comes from ${url}, but the repository is ${mesa.repository}`;
  return [
    ...differing([
      ["sandbox-api", "its sandbox-api is", tagged(lock.sandboxApi, sandboxApi), named(sandboxApi)],
      ["package", "its package is", name, mesa.package],
    ]),
    ...(isBelow(url, mesa.repository) ? [] : [{ problem: "package" as const, message }]),
    ...differing([
      ["voucher", "its .deb is verified as", vouched.by, mesa.vouched],
      ...(key === undefined || mesa.fingerprint === undefined
        ? []
        : [["voucher", "it was signed with the key", key, mesa.fingerprint] as const]),
      ["snapshot", "its distribution packages come from", mirror(lock.snapshot), mirror(snapshot)],
    ]),
  ];
}

/** Compares inputs of template.toml by name, in both directions. */
function byName<Locked, Input>(
  problem: "image" | "download",
  locked: Readonly<Record<string, Locked>> = {},
  lockedText: (locked: Locked, input: Input | undefined) => string,
  inputs: Readonly<Record<string, Input>>,
  inputText: (input: Input) => string,
): readonly Comparison[] {
  const none = "not in the lock";
  return [...new Set([...Object.keys(locked), ...Object.keys(inputs)])].map((name) => {
    const [was, input] = [locked[name], inputs[name]];
    const found = was === undefined ? none : lockedText(was, input);
    return [problem, `${problem}s.${name} is`, found, input === undefined ? none : inputText(input)];
  });
}

function lockedDownload({ url, vouched }: LockedDownload): string {
  return vouched.by === "publisher" ? `${url} (${vouched.hash})` : url;
}

function wantedDownload(input: DownloadInput): string {
  return input.published === undefined ? downloadUrl(input) : `${downloadUrl(input)} (${input.published})`;
}

/** A locked image as the input names it: with its digest if that has one. */
function tagged({ repository, tag, digest }: LockedImage, input?: ImageInput): string {
  return `${repository}:${tag}${input?.image.includes("@") === true ? `@${digest}` : ""}`;
}

function named({ image }: ImageInput): string {
  const { repository, tag = "latest", digest } = parseImageReference(image);
  return `${repository}:${tag}${digest === undefined ? "" : `@${digest}`}`;
}

function mirror(snapshot: { readonly url: string; readonly at: string } | undefined): string {
  return snapshot === undefined ? "the distribution itself" : `${snapshot.url} at ${snapshot.at}`;
}

/** Whether an address is literally below a repository. A path with `..`, encoded or not, resolves elsewhere. */
function isBelow(address: string, repository: string): boolean {
  if (!address.startsWith(`${repository}/`) || !URL.canParse(address)) return false;
  const { href, pathname } = new URL(address);
  return href === address && !/%2f|%5c|%2e|\\/iu.test(pathname);
}
