import type { CommandContext, CommandHandler } from "../command";
import { renderedVersions, templateFolders } from "../template-folders";
import { outdatedInputs, readLock, type OutdatedInput } from "../../lock/index";
import type { Lock } from "../../lock/lock";
import { sourcesOf } from "../../release/run";
import { EXIT_CODES } from "../../support/errors";
import { paths } from "../../support/files/paths";

export const run: CommandHandler = async (args, context) => {
  const templates = templateFolders(context);
  const sources = await sourcesOf(context);
  const locks = (await Promise.all(templates.map((template) => newestLock(context, template)))).filter(
    (lock) => lock !== undefined,
  );
  const prerelease = args.flag("prerelease");
  const outdated = (await Promise.all(locks.map((lock) => outdatedInputs(sources, lock, prerelease)))).flat();
  return {
    exitCode: outdated.length === 0 ? EXIT_CODES.done : EXIT_CODES.drift,
    json: { outdated },
    text:
      locks.map((lock) => outdatedText(lock, outdated)).join("") ||
      "No locks to compare yet. Create one: mesa-template lock VERSION\n",
  };
};

/** The lock of a template's newest Mesa version; undefined if it has none. */
async function newestLock(context: CommandContext, template: string): Promise<Lock | undefined> {
  for (const version of (await renderedVersions(context.root, template)).toReversed()) {
    const lock = await readLock(paths(context.root).lockFile(template, version));
    if (lock !== undefined) return lock;
  }
  return undefined;
}

function outdatedText(lock: Lock, outdated: readonly OutdatedInput[]): string {
  const mine = outdated.filter(({ template }) => template === lock.template);
  const head = `${lock.template}@${lock.mesaVersion}`;
  if (mine.length === 0) return `${head}  up to date\n`;
  return `${head}\n${mine.map(inputText).join("")}`;
}

function inputText({ input, name, current, newest, needsFirst }: OutdatedInput): string {
  const shown = ({ value, date }: OutdatedInput["current"]): string =>
    `${value.startsWith("sha256:") ? value.slice(0, 19) : value}${date === null ? "" : ` (${date.slice(0, 10)})`}`;
  const first = needsFirst === undefined ? "" : `  ${needsFirst}\n`;
  return `${first}  ${input.padEnd(11)}  ${shown(current)} → ${shown(newest)}  ${name}\n`;
}
