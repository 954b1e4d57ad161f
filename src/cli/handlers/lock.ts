import { atMost } from "../../compare/text";
import { readLockAndCompare } from "../../lock/check-lock";
import { type CheckedLock, lockCheckFailed, untrustedFingerprints } from "../../lock/index";
import { downloadsOf, imageReference, imagesOf } from "../../lock/lock";
import { checkLocks } from "../../release/facts";
import { lockAll, type LockResult } from "../../release/lock";
import { sourcesOf, upstreamIfPresent } from "../../release/run";
import { differences, loadTemplate, renderTemplate, writeRendered } from "../../render/index";
import { Failure, wrongUsage } from "../../support/errors";
import { paths } from "../../support/files/paths";
import type { CommandArgs } from "../line/arguments";
import type { CommandContext, CommandHandler, CommandOutcome } from "../command";
import { resultsOutcome } from "../output/output";
import { checkedTargets } from "../template-folders";

export const lockCommand: CommandHandler = async (args, context) => {
  const { dryRun } = context;
  const targets = await checkedTargets(args, context);
  if (args.flag("check") && args.flag("relock"))
    throw wrongUsage("--check resolves nothing, --relock resolves everything: give one of them.");
  if (args.flag("check")) return checked(await checkLocks(context, targets));
  const trustKey = dryRun ? undefined : await keyToTrust(args, context);
  const results = await lockAll(context, { targets, relock: args.flag("relock"), dryRun, trustKey });
  const text = results.filter(({ error }) => error === undefined).map(lockText);
  return resultsOutcome(results, text.join(""));
};

/** The given fingerprint, or the key's own after a confirmation on a terminal. */
async function keyToTrust(args: CommandArgs, context: CommandContext): Promise<string | undefined> {
  const given = args.text("trust-key");
  if (given !== undefined || !context.terminal.interactive) return given;
  const sources = await sourcesOf(context);
  const [fingerprint] = await untrustedFingerprints(sources);
  if (fingerprint === undefined) return undefined;
  const question = `The key of ${sources.upstream.mesa.repository} has the fingerprint ${fingerprint}. Trust it from now on?`;
  return (await context.terminal.confirm(question)) ? fingerprint : undefined;
}

const SAYS: Readonly<Record<LockResult["outcome"], string>> = {
  locked: "locked",
  relocked: "locked again: its inputs have changed",
  unchanged: "resolved again: nothing has changed",
  kept: "is already locked (--relock resolves it again)",
  "would-lock": "would be resolved",
  failed: "failed",
};

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

/** `--check`: exit 2 if there is a problem. */
function checked(results: readonly CheckedLock[]): CommandOutcome {
  if (results.some(({ problems }) => problems.length > 0))
    return { errors: [lockCheckFailed(results)], json: { results }, text: "" };
  const lines = results.map(({ template, path }) => `${template}  up to date  ${path}\n`);
  return { json: { results }, text: lines.join("") || "There are no locks yet.\n" };
}

const FILES_SHOWN = 20;

export const renderCommand: CommandHandler = async (args, context) => {
  const check = args.flag("check") || context.dryRun;
  const results = await Promise.all(
    (await checkedTargets(args, context)).map(async ({ template, version }) => {
      const folder = paths(context.root).project(template, version);
      const source = await loadTemplate(context.root, template);
      const { lock, stale } = await readLockAndCompare(paths(context.root).lockFile(template, version), {
        settings: source.settings,
        upstream: check ? undefined : await upstreamIfPresent(context),
      });
      if (lock === undefined)
        throw wrongUsage(
          `There is no lock for ${template} ${version}.`,
          `Write it: mesa-template lock ${version}`,
        );
      const rendered = renderTemplate(source, lock);
      const differing = await differences(context.root, rendered);
      if (!check) {
        await writeRendered(context.root, rendered);
        for (const why of stale) {
          const message = `rendered from a lock that is outdated: ${why}. mesa-template lock ${version} resolves it again`;
          context.host.emit({ type: "warning", template, message });
        }
      }
      return { template, mesaVersion: version, folder, inputsDigest: rendered.inputsDigest, differing };
    }),
  );
  const [first, ...more] = check ? results.filter((result) => result.differing.length > 0) : [];
  const error =
    first === undefined
      ? undefined
      : new Failure({
          code: "RENDER_DRIFT",
          kind: "drift",
          message: `These folders differ from what their locks render: ${[first, ...more].map(({ folder }) => folder).join(", ")}.`,
          hint: `Render them again: mesa-template render ${first.mesaVersion}`,
          log: results.flatMap(({ template, differing }) =>
            atMost(differing, FILES_SHOWN).map((line) => `${template}: ${line}`),
          ),
        });
  return {
    error,
    json: { results },
    text:
      results.length === 0
        ? "There are no locks yet.\n"
        : results.map((one) => renderText(one.template, one.folder, one.differing, check)).join(""),
  };
};

function renderText(template: string, folder: string, differing: readonly string[], check: boolean): string {
  const [same, other] = check ? ["up to date", "would change"] : ["unchanged", "written"];
  if (differing.length === 0) return `${template}  ${same}  ${folder}\n`;
  return `${template}  ${other}  ${folder} (${atMost(differing, FILES_SHOWN).join(", ")})\n`;
}
