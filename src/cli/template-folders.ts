import { join } from "node:path";
import compare from "semver/functions/compare";
import valid from "semver/functions/valid";
import type { CommandArgs } from "./line/arguments";
import type { CommandContext } from "./command";
import type { Target } from "../release/request";
import { isName, NAME_RULE } from "../manifest/entry";
import { parseMesaVersion } from "../lock/mesa-version";
import { wrongUsage } from "../support/errors";
import { didYouMean } from "../support/text/nearest";
import { namesIn } from "../support/files/files";
import { paths, templateNames } from "../support/files/paths";

/**
 * Targets of --check: the templates at the given Mesa version, else all their rendered folders.
 * @throws Failure USAGE (exit 2) without a version and without --check
 */
export async function checkedTargets(args: CommandArgs, context: CommandContext): Promise<readonly Target[]> {
  const templates = templateFolders(context);
  const named = args.text("mesa-version");
  if (named !== undefined) {
    const version = parseMesaVersion(named);
    return templates.map((template) => ({ template, version }));
  }
  if (!args.flag("check"))
    throw wrongUsage("Which Mesa version?", "Name it, or check every lock with --check.");
  const found = await Promise.all(
    templates.map(async (template) =>
      (await renderedVersions(context.root, template)).map((version) => ({ template, version })),
    ),
  );
  return found.flat();
}

/** The Mesa versions for which a template has a folder, oldest first. */
export async function renderedVersions(root: string, template: string): Promise<readonly string[]> {
  const names = await namesIn(join(paths(root).dockerfiles, template));
  return names.filter((version) => valid(version) === version).toSorted(compare);
}

/** The templates of a command: those of --template, else every folder below templates/ with a template.toml. */
export function templateFolders(context: CommandContext): readonly string[] {
  const folder = paths(context.root).templates;
  const names = templateNames(context.root);
  if (names === undefined)
    throw wrongUsage(
      `There is no folder ${folder}.`,
      "Give --root the folder that contains templates/, or create one: mesa-template init.",
    );
  const asked = context.templates;
  if (asked === undefined) {
    if (names.length === 0)
      throw wrongUsage(
        `${folder} contains no template.`,
        "A template is a folder with a template.toml; mesa-template init writes two.",
      );
    return names;
  }
  asked.forEach(refuseBadName);
  const unknown = asked.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw wrongUsage(
      `There is no template ${unknown.join(", ")} in ${folder}.`,
      `${didYouMean(unknown[0] ?? "", names)} There are: ${names.join(", ") || "none"}.`.trim(),
    );
  return asked;
}

/** @throws Failure USAGE (exit 2) if a template cannot have this name */
export function refuseBadName(name: string): void {
  if (!isName(name)) throw wrongUsage(`"${name}" is not a valid name of a template.`, NAME_RULE);
}
