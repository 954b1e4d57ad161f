import { lstat, readFile, realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { Failure, hasErrno } from "../support/errors";
import { namesIn, readIfPresent, textNow } from "../support/files/files";
import type { RenderedFile, TemplateSettings } from "./rendered";
import { parseSettings } from "./settings";
import { paths, templateNames } from "../support/files/paths";

/** A template read from its folder. */
export interface TemplateSource {
  readonly name: string;
  readonly folder: string;
  readonly settings: TemplateSettings;
  /** Handlebars texts by the file they produce: "Dockerfile" → text of Dockerfile.hbs. */
  readonly files: Readonly<Record<string, string>>;
  /** Contents of files/, by path below that folder; copied unchanged. */
  readonly ownFiles: readonly RenderedFile[];
  /** Shared partials by name. */
  readonly partials: Readonly<Record<string, string>>;
}

const REQUIRED = ["Dockerfile", "blaxel.toml", "entrypoint.sh"];

/** Names that the rendered folder uses itself; no file of a template may have them. */
const RESERVED = ["records", "lock.json", ".blaxelignore"];

/** Files of a template's folder that are not .hbs. */
const READ_AS_THEY_ARE = ["template.toml", "checks.yaml", "structure-tests.yaml"];

/** Other files that may be there: notes for people, and what editors and systems leave. */
const LEFT_ALONE =
  /\.md$|^LICENSE|^\.(?:DS_Store|gitkeep|gitattributes|gitignore|editorconfig)$|~$|\.sw[a-p]$|\.orig$/u;

function invalid(template: string, message: string, hint: string): Failure {
  return new Failure({ code: "TEMPLATE_INVALID", kind: "usage", template, message, hint });
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
      message: `"${name}" is not a valid name of a template.`,
      hint: "A name consists of lower-case letters, digits and hyphens, and starts with a letter.",
    });
  }
  const folder = paths(root).template(name);
  const toml = await readIfPresent(join(folder, "template.toml"));
  if (toml === undefined) {
    throw new Failure({
      code: "TEMPLATE_UNKNOWN",
      kind: "usage",
      message: `There is no template ${name}: ${folder}/template.toml is missing.`,
      hint: `There are: ${templateNames(root)?.join(", ") || "none"}.`,
    });
  }
  await refuseStrays(folder, name);
  const [files, partials, ownFiles] = await Promise.all([
    handlebarsIn(folder, name),
    handlebarsIn(paths(root).partials, name),
    filesOf(folder, name),
  ]);
  const missing = REQUIRED.filter((file) => files[file] === undefined);
  if (missing.length > 0)
    throw invalid(
      name,
      `The template ${name} lacks ${missing.map((file) => `${file}.hbs`).join(", ")}.`,
      `Add it to ${folder}; templates/debian shows how.`,
    );
  const twice = ownFiles.find((file) => [...RESERVED, ...Object.keys(files)].includes(firstPart(file.name)));
  if (twice !== undefined)
    throw invalid(
      name,
      `templates/${name}/files/${twice.name} would overwrite ${firstPart(twice.name)}, which mesa-template writes.`,
      "Rename it: the files in files/ are copied beside the Dockerfile for the build.",
    );
  // buildx obeys a .dockerignore; the engine's own builders, which get the context as a tar, do not.
  const sent = [...Object.keys(files), ...ownFiles.map((file) => file.name)];
  const ignoring = sent.find((file) => /^(?:Dockerfile)?\.dockerignore$/u.test(file));
  if (ignoring !== undefined)
    throw invalid(
      name,
      `templates/${name} puts a ${ignoring} into the build context, and only some builders obey it.`,
      `Remove it, and keep what must not be in the image out of templates/${name}/files/.`,
    );
  const settings = parseSettings(toml.toString("utf8"), `templates/${name}/template.toml`, name);
  for (const other of templateNames(root) ?? [])
    if (other !== name && sandboxNameOf(root, other) === settings.sandbox.name)
      throw invalid(
        name,
        `templates/${name} and templates/${other} have the same sandbox.name, ${settings.sandbox.name}: each would replace the other's sandbox.`,
        'Change it in one template.toml; "mesa-{template}" differs by itself.',
      );
  return { name, folder, files, ownFiles, partials, settings };
}

/** A template's name on Blaxel; undefined if its template.toml is wrong, which is said where that template is used. */
function sandboxNameOf(root: string, template: string): string | undefined {
  try {
    const text = textNow(join(paths(root).template(template), "template.toml")) ?? "";
    return parseSettings(text, "", template).sandbox.name;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

const firstPart = (path: string): string => path.split("/", 1)[0] ?? path;

/** Refuses files that nothing would use, and invalid names. */
async function refuseStrays(folder: string, template: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    const shown = `templates/${template}/${name}`;
    const status = await lstat(join(folder, name));
    const makes = name.endsWith(".hbs") ? name.slice(0, -".hbs".length) : undefined;
    if (makes === "" || (makes !== undefined && RESERVED.includes(makes)))
      throw invalid(
        template,
        `${shown} makes ${makes === "" ? "a file without a name" : `${makes}, which mesa-template writes itself`}.`,
        "Rename it, or remove it.",
      );
    if (makes === undefined && (name === "files" || LEFT_ALONE.test(name))) continue;
    if (makes === undefined && !READ_AS_THEY_ARE.includes(name))
      throw invalid(
        template,
        `Nothing uses ${shown}.`,
        `What the build copies belongs in templates/${template}/files/, what is rendered is called NAME.hbs. Move it, or remove it.`,
      );
    await refuseLinkAway(folder, join(folder, name), template);
    if (!status.isFile() && !status.isSymbolicLink())
      throw invalid(template, `${shown} is not a file.`, `Folders belong in templates/${template}/files/.`);
  }
}

/** @throws Failure TEMPLATE_INVALID if a path below `folder` leads out of it through a link, or to nothing */
async function refuseLinkAway(
  folder: string,
  path: string,
  template: string,
  shown = `templates/${template}/${relative(folder, path)}`,
): Promise<string> {
  const inside = await realpath(folder);
  const target = await realpath(path).catch((error: unknown) => {
    if (hasErrno(error, "ENOENT", "ELOOP"))
      throw invalid(template, `${shown} is a broken link.`, "Put the file itself there.");
    throw error;
  });
  if (target !== inside && !target.startsWith(inside + sep))
    throw invalid(
      template,
      `${shown} is a link to ${target}, outside its folder.`,
      "Put the file itself there: a template contains all its files.",
    );
  return target;
}

async function handlebarsIn(folder: string, template: string): Promise<Record<string, string>> {
  const names = (await namesIn(folder)).filter((name) => name.endsWith(".hbs"));
  const texts = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      await refuseLinkAway(folder, path, template);
      try {
        const text = (await readIfPresent(path))?.toString("utf8") ?? "";
        // An editor or git may have added them. With either, no system starts the entrypoint.
        return text.replace(/^\uFEFF/u, "").replaceAll("\r\n", "\n");
      } catch (error) {
        if (!hasErrno(error, "EISDIR")) throw error;
        throw invalid(template, `${path} is a folder.`, "Rename it: NAME.hbs is a file that makes NAME.");
      }
    }),
  );
  return Object.fromEntries(names.map((name, index) => [name.slice(0, -".hbs".length), texts[index] ?? ""]));
}

/** Node reads no larger file into memory. */
const LARGEST_FILE_BYTES = 2 ** 31 - 1;

/** bl never sends these, whatever .blaxelignore says, or treats them as its own. */
const NEVER_SENT = /^\.env\.build|(?:^|\/)\.env\.build(?:$|\/)|^\.cache\.yaml$|^\.docker(?:$|\/)/u;
/** Names that must not get into an image by mistake. */
const PRIVATE = /(?:^|\/)(?:\.env|\.git)(?:$|\/)/u;

/** The content of a template's files/: any bytes, with the executable bit (all that git keeps of a mode). */
async function filesOf(template: string, name: string): Promise<readonly RenderedFile[]> {
  const root = join(template, "files");
  const found: RenderedFile[] = [];
  const walk = async (folder: string, above: readonly string[]): Promise<void> => {
    for (const entry of await namesIn(folder)) {
      const path = join(folder, entry);
      const below = relative(root, path).split(sep).join("/");
      const shown = `templates/${name}/files/${below}`;
      if (/[\p{Cc}\\\uFFFD]/u.test(entry))
        throw invalid(
          name,
          `${JSON.stringify(shown)} has a name that archives do not support.`,
          "Rename it.",
        );
      if (NEVER_SENT.test(below))
        throw invalid(name, `${shown} would not reach Blaxel: bl reserves this name.`, "Rename it.");
      if (PRIVATE.test(below))
        throw invalid(
          name,
          `${shown} has a name of secrets (.env) or repositories (.git), which must not be in an image.`,
          "Rename it, or remove it.",
        );
      const target = await refuseLinkAway(root, path, name, shown);
      const status = await lstat(target);
      if (status.isDirectory()) {
        if (above.includes(target))
          throw invalid(name, `${shown} is a link to a folder that contains it.`, "Remove the link.");
        await walk(path, [...above, target]);
      } else if (status.isFile()) {
        if (status.size > LARGEST_FILE_BYTES)
          throw invalid(
            name,
            `${shown} has ${(status.size / 2 ** 30).toFixed(1)} GiB; a template's file has 2 GiB at most.`,
            "Let the build download it: [downloads.NAME] in template.toml.",
          );
        const mode = (status.mode & 0o100) === 0 ? 0o644 : 0o755;
        found.push({ name: below, mode, contents: await readFile(path) });
      } else throw invalid(name, `${shown} is neither a file nor a folder.`, "Remove it.");
    }
  };
  const status = await lstat(root).catch(() => undefined);
  if (status === undefined) return [];
  const target = await refuseLinkAway(template, root, name);
  if (!(await lstat(target)).isDirectory())
    throw invalid(
      name,
      `templates/${name}/files is not a folder.`,
      "Make it a folder: it contains what the build copies.",
    );
  await walk(root, [target]);
  return found;
}
