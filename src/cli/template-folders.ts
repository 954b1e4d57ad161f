import { readdir } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CommandContext } from "./command";
import { wrongUsage } from "./command-line";
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

/** The templates a command is about: those of --template, else every folder below templates/ with a template.toml. */
export async function templateFolders(context: CommandContext): Promise<readonly string[]> {
  const folder = paths(context.root).templates;
  const names = await keptTemplates(context.root);
  if (names === undefined)
    throw wrongUsage(
      `There is no folder ${folder}.`,
      "Give --root the folder that holds templates/, or make one with mesa-template init.",
    );
  const asked = context.templates;
  if (asked === undefined) {
    if (names.length === 0)
      throw wrongUsage(
        `${folder} holds no template.`,
        "A template is a folder with a template.toml; mesa-template init writes two.",
      );
    return names;
  }
  const bad = asked.find((name) => !/^[a-z][a-z0-9-]*$/u.test(name));
  if (bad !== undefined)
    throw wrongUsage(
      `"${bad}" cannot be a template's name.`,
      "A name is lower-case letters, digits and hyphens, and begins with a letter.",
    );
  const unknown = asked.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw wrongUsage(
      `There is no template ${unknown.join(", ")} in ${folder}.`,
      `There are: ${names.join(", ") || "none"}.`,
    );
  return asked;
}
