import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Failure, hasErrno } from "../support/errors";
import { readIfPresent } from "../support/files";
import type { TemplateSettings } from "./rendered";
import { parseSettings } from "./settings";

/** A template as it lies in its folder. */
export interface TemplateSource {
  readonly name: string;
  readonly folder: string;
  readonly settings: TemplateSettings;
  /** Handlebars texts by the file they make: "Dockerfile" → text of Dockerfile.hbs. */
  readonly files: Readonly<Record<string, string>>;
  /** Shared pieces by name. */
  readonly partials: Readonly<Record<string, string>>;
}

const REQUIRED = ["Dockerfile", "blaxel.toml", "entrypoint.sh"];

async function templatesIn(folder: string): Promise<Record<string, string>> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return {};
    throw error;
  }
  const wanted = names.filter((name) => name.endsWith(".hbs")).sort();
  const texts = await Promise.all(wanted.map((name) => readIfPresent(join(folder, name))));
  return Object.fromEntries(
    wanted.map((name, index) => [name.slice(0, -".hbs".length), texts[index]?.toString("utf8") ?? ""]),
  );
}

/** Names of all templates below a root, sorted. */
export async function listTemplates(root: string): Promise<readonly string[]> {
  const folder = join(root, "templates");
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const found = await Promise.all(
      entries
        .filter((entry) => entry.isDirectory())
        .map(async (entry) =>
          (await readIfPresent(join(folder, entry.name, "template.toml"))) === undefined
            ? undefined
            : entry.name,
        ),
    );
    return found.filter((name) => name !== undefined).sort();
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/**
 * Reads a template and its settings.
 * @throws Failure TEMPLATE_UNKNOWN, TEMPLATE_INVALID (exit 2)
 */
export async function loadTemplate(root: string, name: string): Promise<TemplateSource> {
  if (!/^[a-z][a-z0-9-]*$/u.test(name)) {
    throw new Failure({
      code: "TEMPLATE_UNKNOWN",
      kind: "usage",
      message: `"${name}" cannot be a template's name.`,
      hint: "A name is lower-case letters, digits and hyphens, and begins with a letter.",
    });
  }
  const folder = join(root, "templates", name);
  const toml = await readIfPresent(join(folder, "template.toml"));
  if (toml === undefined) {
    const others = await listTemplates(root);
    throw new Failure({
      code: "TEMPLATE_UNKNOWN",
      kind: "usage",
      message: `There is no template ${name}: ${folder}/template.toml is missing.`,
      hint: `There are: ${others.join(", ") || "none"}.`,
    });
  }
  const [files, partials] = await Promise.all([
    templatesIn(folder),
    templatesIn(join(root, "templates/partials")),
  ]);
  const missing = REQUIRED.filter((file) => files[file] === undefined);
  if (missing.length > 0) {
    throw new Failure({
      code: "TEMPLATE_INVALID",
      kind: "usage",
      message: `The template ${name} lacks ${missing.map((file) => `${file}.hbs`).join(", ")}.`,
      hint: `Add it to ${folder}; templates/debian shows how.`,
    });
  }
  return {
    name,
    folder,
    files,
    partials,
    settings: parseSettings(toml.toString("utf8"), `templates/${name}/template.toml`, name),
  };
}
