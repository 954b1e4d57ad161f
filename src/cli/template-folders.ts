import { readdir } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import compare from "semver/functions/compare";
import valid from "semver/functions/valid";
import type { CommandArgs, CommandContext } from "./command";
import { wrongUsage } from "./command-line";
import type { Target } from "../release/request";
import { parseMesaVersion } from "../lock/mesa-version";
import { didYouMean } from "../support/nearest";
import { hasErrno } from "../support/errors";
import { paths } from "../support/paths";

/** Every folder below templates/ with a template.toml; undefined when there is no templates/. */
export async function keptTemplates(root: string): Promise<readonly string[] | undefined> {
  const folder = paths(root).templates;
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, "template.toml")))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
    return undefined;
  }
}

/**
 * What --check is about: the templates at the Mesa version that is named, else every rendered folder of theirs.
 * @throws Failure USAGE (exit 2) without a version where nothing is only checked
 */
export async function checkedTargets(args: CommandArgs, context: CommandContext): Promise<readonly Target[]> {
  const templates = await templateFolders(context);
  const named = args.text("mesa-version");
  if (named !== undefined) {
    const version = parseMesaVersion(named);
    return templates.map((template) => ({ template, version }));
  }
  if (!args.flag("check"))
    throw wrongUsage("Which Mesa version?", "Name it, or check every lock with --check.");
  const folder = paths(context.root).dockerfiles;
  const found = await Promise.all(
    templates.map(async (template) =>
      (await namesIn(join(folder, template)))
        .filter((version) => valid(version) === version)
        .sort(compare)
        .map((version) => ({ template, version })),
    ),
  );
  return found.flat();
}

/** The names in a folder; none where there is no such folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** The templates a command is about: those of --template, else every folder below templates/ with a template.toml. */
export async function templateFolders(context: CommandContext): Promise<readonly string[]> {
  const folder = paths(context.root).templates;
  const names = await keptTemplates(context.root);
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
  const bad = asked.find((name) => !/^[a-z][a-z0-9-]*$/u.test(name));
  if (bad !== undefined)
    throw wrongUsage(
      `"${bad}" is not a valid name of a template.`,
      "A name consists of lower-case letters, digits and hyphens, and starts with a letter.",
    );
  const unknown = asked.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw wrongUsage(
      `There is no template ${unknown.join(", ")} in ${folder}.`,
      `${didYouMean(unknown[0] ?? "", names)} There are: ${names.join(", ") || "none"}.`.trim(),
    );
  return asked;
}
