import type { CommandArgs, CommandContext, CommandHandler, CommandOutcome } from "../command";
import { errorDocument, errorText } from "../output";
import { checkedTargets, type Target } from "../template-folders";
import {
  checkLock,
  lockCheckFailed,
  loadUpstream,
  readAnyLock,
  readLock,
  resolveLock,
  untrustedFingerprints,
  writeLock,
  type Upstream,
} from "../../lock/index";
import { downloadsOf, imageReference, imagesOf, type Lock } from "../../lock/lock";
import { loadTemplate } from "../../render/source";
import { exitCodeOf, Failure } from "../../support/errors";
import { EXIT_CODES } from "../../support/exit-codes";
import { openDownloads } from "../../support/downloads";
import { readIfPresent } from "../../support/files";
import { paths } from "../../support/paths";

type LockOutcome = "locked" | "relocked" | "unchanged" | "kept" | "would-lock" | "failed";

interface LockResult {
  readonly template: string;
  readonly outcome: LockOutcome;
  readonly path: string;
  readonly lock?: Lock | undefined;
  readonly error?: unknown;
}

export const run: CommandHandler = async (args, context) => {
  const targets = await checkedTargets(args, context);
  const upstream = await loadUpstream(context.upstream ?? paths(context.root).upstream);
  if (args.flag("check")) return checked(context, targets, upstream);
  const trustKey = context.dryRun ? undefined : await keyToTrust(args, context, upstream);
  const results = await Promise.all(
    targets.map(({ template, version: mesaVersion }) =>
      lockOne({ context, template, mesaVersion, upstream, trustKey, relock: args.flag("relock") }),
    ),
  );
  return outcome(results, context);
};

/** The fingerprint given, or, where somebody sits at the terminal and says yes, the one the key has. */
async function keyToTrust(
  args: CommandArgs,
  context: CommandContext,
  upstream: Upstream,
): Promise<string | undefined> {
  const given = args.text("trust-key");
  if (given !== undefined || !context.terminal.interactive) return given;
  const fingerprints = await untrustedFingerprints(
    upstream,
    openDownloads(context.host, paths(context.root).cache),
  );
  const [fingerprint] = fingerprints ?? [];
  if (fingerprint === undefined) return undefined;
  const question = `The key of ${upstream.mesa.repository} has the fingerprint ${fingerprint}. Trust it from now on?`;
  return (await context.terminal.confirm(question)) ? fingerprint : undefined;
}

interface OneLock {
  readonly context: CommandContext;
  readonly template: string;
  readonly mesaVersion: string;
  readonly upstream: Upstream;
  readonly trustKey: string | undefined;
  readonly relock: boolean;
}

async function lockOne({
  context,
  template,
  mesaVersion,
  upstream,
  trustKey,
  relock,
}: OneLock): Promise<LockResult> {
  const folders = paths(context.root);
  const path = folders.lockFile(template, mesaVersion);
  try {
    const previous = await (relock ? readAnyLock(path) : readLock(path));
    if (previous !== undefined && !relock) return { template, outcome: "kept", path, lock: previous };
    if (context.dryRun) return { template, outcome: "would-lock", path };
    const { settings } = await loadTemplate(context.root, template);
    const lock = await resolveLock(context.host, {
      template,
      settings,
      mesaVersion,
      upstream,
      cacheDir: folders.cache,
      previous,
      trustKey,
    });
    if (lock === previous) return { template, outcome: "unchanged", path, lock };
    await writeLock(path, lock);
    return { template, outcome: previous === undefined ? "locked" : "relocked", path, lock };
  } catch (error) {
    return {
      template,
      outcome: "failed",
      path,
      error: error instanceof Failure ? error.on(template) : error,
    };
  }
}

const SAYS: Readonly<Record<LockOutcome, string>> = {
  locked: "locked",
  relocked: "locked again: its inputs have changed",
  unchanged: "resolved again: nothing has changed",
  kept: "is already locked (--relock resolves it again)",
  "would-lock": "would be resolved",
  failed: "failed",
};

function outcome(results: readonly LockResult[], context: CommandContext): CommandOutcome {
  const failed = results.find(({ error }) => error !== undefined);
  const { redact } = context.host;
  if (!context.json) {
    for (const { error } of results)
      if (error !== undefined) context.terminal.stderr(errorText(error, redact));
  }
  return {
    exitCode: failed === undefined ? EXIT_CODES.done : exitCodeOf(failed.error),
    json: {
      ok: failed === undefined,
      results: results.map(({ error, ...result }) =>
        error === undefined ? result : { ...result, error: errorDocument(error, redact) },
      ),
      ...(failed === undefined ? {} : { error: errorDocument(failed.error, redact) }),
    },
    text: results
      .filter(({ error }) => error === undefined)
      .map(lockText)
      .join(""),
  };
}

function lockText({ template, outcome: how, path, lock }: LockResult): string {
  const head = `${template}  ${SAYS[how]}  ${path}\n`;
  if (lock === undefined) return head;
  const { vouched } = lock.deb;
  const voucher =
    vouched.by === "signed"
      ? `signed by ${vouched.chain.key.fingerprint}, index of ${vouched.chain.release.date}`
      : `first download, ${vouched.downloadedAt}`;
  return [
    head,
    ...imagesOf(lock).map(([what, image]) => `  ${what.padEnd(11)}  ${imageReference(image)}\n`),
    `  mesa         ${lock.deb.version}  sha256 ${lock.deb.sha256}  (${voucher})\n`,
    ...downloadsOf(lock).map(
      ([what, { url, sha256, vouched: by }]) =>
        `  ${what.padEnd(11)}  ${url}  sha256 ${sha256}  (${by.by === "publisher" ? "as its publisher says" : `first download, ${by.downloadedAt}`})\n`,
    ),
  ].join("");
}

/** `--check`: what is wrong with each lock; asks nobody. Exit 2 when something is. */
async function checked(
  context: CommandContext,
  targets: readonly Target[],
  upstream: Upstream,
): Promise<CommandOutcome> {
  const results = await Promise.all(
    targets.map(async ({ template, version: mesaVersion }) => {
      const path = paths(context.root).lockFile(template, mesaVersion);
      const [{ settings }, text] = await Promise.all([
        loadTemplate(context.root, template),
        readIfPresent(path),
      ]);
      const expected = { template, mesaVersion, settings, upstream, path };
      return { template, mesaVersion, path, problems: checkLock(text?.toString("utf8"), expected) };
    }),
  );
  if (results.every(({ problems }) => problems.length === 0)) {
    const lines = results.map(({ template, path }) => `${template}  is up to date  ${path}\n`);
    return {
      exitCode: EXIT_CODES.done,
      json: { ok: true, results },
      text: lines.length === 0 ? "There are no locks yet.\n" : lines.join(""),
    };
  }
  const failure = lockCheckFailed(results);
  if (!context.json) throw failure;
  return {
    exitCode: exitCodeOf(failure),
    json: { ok: false, results, error: errorDocument(failure, context.host.redact) },
    text: "",
  };
}
