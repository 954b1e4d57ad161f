import Handlebars from "handlebars";
import { parseBlaxelToml } from "../blaxel/blaxel-toml";
import { downloadUrl, type Lock } from "../lock/lock";
import { canonicalJson } from "../support/text/canonical-json";
import { digestOf, sha256 } from "../support/text/digest";
import { Failure, messageOf } from "../support/errors";
import { checkDockerfile } from "./check-dockerfile";
import { textOf, type RenderedFile, type RenderedTemplate } from "./rendered";
import type { TemplateSource } from "./source";
import { valuesFor } from "./values";

/** Files that `bl`, run by hand in the folder, must never send. */
const LEFT_OUT = [".env", ".git", ".mesa-template", "node_modules"];

/** bl matches a line as a prefix or a part of a path. A line that would exclude a file of the template is not written. */
function blaxelignore(names: readonly string[]): string {
  const lines = LEFT_OUT.filter(
    (entry) => !names.some((name) => name.startsWith(entry) || name.split("/").includes(entry)),
  );
  return [
    "# Written by mesa-template. With this file bl's own list does not apply, so what must never be sent stands here.",
    ...lines,
    "",
  ].join("\n");
}

/**
 * A value for Handlebars that has only its own properties, shows its name in messages, and remembers which inputs were read, and
 * as "<images.node>" which were written as a whole.
 * @param path its name in a template: "" for the whole, else "values", "images.node"
 */
function ownOnly(value: unknown, path: string, read: Set<string>): unknown {
  if (Array.isArray(value)) return value.map((one) => ownOnly(one, path, read));
  if (typeof value !== "object" || value === null) return value;
  const bare = Object.create(null) as Record<PropertyKey, unknown>;
  for (const [key, inner] of Object.entries(value))
    bare[key] = ownOnly(inner, path === "" ? key : `${path}.${key}`, read);
  Object.defineProperty(bare, Symbol.toPrimitive, {
    value: () => {
      read.add(`<${path}>`);
      return `<${path}>`;
    },
  });
  return new Proxy(bare, {
    get(target, key) {
      if (typeof key === "string") read.add(path === "" ? key : `${path}.${key}`);
      return target[key];
    },
  });
}

/** Whether Handlebars can read a text. */
function isReadable(text: string): boolean {
  try {
    Handlebars.parse(text);
    return true;
  } catch {
    return false;
  }
}

function explain(source: TemplateSource, file: string, error: unknown): Failure {
  const message = messageOf(error);
  const own = [`templates/${source.name}/${file}.hbs`, source.files[file] ?? ""] as const;
  const partials = Object.entries(source.partials).map(
    ([name, text]) => [`templates/partials/${name}.hbs`, text] as const,
  );
  /** The file whose text fits, perhaps a partial. */
  const where = (fits: (text: string) => boolean): typeof own =>
    [own, ...partials].find(([, text]) => fits(text)) ?? own;
  const fail = (place: string, what: string, hint: string): Failure =>
    new Failure({
      code: "TEMPLATE_INVALID",
      kind: "usage",
      template: source.name,
      message: `${place}: ${what}`,
      hint,
      cause: error,
    });
  const missing = /"([^"]+)" not defined in (?:<([^>]*)>|\w+)(?: - (\d+):(\d+))?/u.exec(message);
  if (missing !== null) {
    const [, name = "", group, line, column] = missing;
    const written = (text: string): string =>
      /^[\w.-]+/u.exec(text.split("\n")[Number(line) - 1]?.slice(Number(column)) ?? "")?.[0] ?? "";
    const [path, text] = where((one) => written(one).split(".").includes(name));
    const whole =
      group === undefined ? written(text) || name : [group, name].filter((part) => part !== "").join(".");
    return fail(
      line === undefined ? path : `${path}, line ${line}`,
      `{{${whole}}} has no value.`,
      /^(?:images|downloads)\./u.test(whole)
        ? `Declare further inputs in template.toml, like [${whole.split(".").slice(0, 2).join(".")}].`
        : "Put your own values under [values] in template.toml and write {{values.NAME}}; docs/templates.md lists the others.",
    );
  }
  const [path, text] = where((one) => !isReadable(one));
  const line = /^Parse error on line (\d+):/u.exec(message)?.[1];
  if (line !== undefined) {
    const shown = text.split("\n")[Number(line) - 1]?.trim() ?? "";
    return fail(
      `${path}, line ${line}`,
      shown === "" ? "a block is still open here." : `Handlebars cannot read ${JSON.stringify(shown)}.`,
      "A value is written {{name}}, and \\{{ where the file needs two braces; {{#if …}} and {{#each …}} end with {{/if}} and {{/each}}.",
    );
  }
  const names = Object.keys(source.partials).join(", ");
  if (error instanceof RangeError)
    return fail(own[0], "a partial includes itself, perhaps through another.", `The partials are: ${names}.`);
  return fail(
    path,
    message.split("\n")[0] ?? "",
    `docs/templates.md lists all values. The partials are: ${names}.`,
  );
}

/** Refuses further inputs that are locked differently from what template.toml says, or not at all. */
function refuseUnlocked({ name, settings }: TemplateSource, lock: Lock): void {
  const inputs = [
    ...Object.entries(settings.images).map(([one, { image }]) => {
      const locked = lock.images?.[one];
      return [`images.${one}`, image.replace(/@.*$/u, ""), locked && `${locked.repository}:${locked.tag}`];
    }),
    ...Object.entries(settings.downloads).map(([one, input]) => [
      `downloads.${one}`,
      downloadUrl(input),
      lock.downloads?.[one]?.url,
    ]),
  ];
  const lacks = inputs.find(([, wanted, locked]) => wanted !== locked);
  if (lacks === undefined) return;
  const [what = "", wanted = "", locked] = lacks;
  throw new Failure({
    code: "LOCK_LACKS_INPUT",
    kind: "usage",
    template: name,
    message: `templates/${name}/template.toml names ${what} (${wanted}), but the lock of Mesa ${lock.mesaVersion} ${locked === undefined ? "does not have it" : `has ${locked}`}.`,
    hint: `Lock it: mesa-template lock ${lock.mesaVersion} --template ${name} --relock`,
  });
}

const OPTIONS = { strict: true, noEscape: true, explicitPartialContext: false, knownHelpers: { log: false } };

/**
 * Renders a template with a lock. Pure: the same source and lock give the same bytes anywhere.
 * @throws Failure TEMPLATE_INVALID, VALUE_NOT_ALLOWED, BLAXEL_TOML (exit 2)
 */
export function renderTemplate(source: TemplateSource, lock: Lock): RenderedTemplate {
  refuseUnlocked(source, lock);
  const engine = Handlebars.create();
  // It would write to stdout.
  engine.unregisterHelper("log");
  for (const [name, text] of Object.entries(source.partials)) engine.registerPartial(name, text);
  const read = new Set<string>();
  const values = ownOnly(valuesFor(source.settings, lock), "", read);
  const rendered: RenderedFile[] = Object.entries(source.files).map(([name, text]) => {
    try {
      const contents = engine.compile(text, OPTIONS)(values);
      const group = [...read].find((one) => one.startsWith("<"))?.slice(1, -1);
      if (group !== undefined)
        throw new Error(`{{${group || "this"}}} is a group of values: name one, like {{base.reference}}`);
      return {
        name,
        mode: name.endsWith(".sh") ? 0o755 : 0o644,
        contents: Buffer.from(contents.endsWith("\n") ? contents : `${contents}\n`),
      };
    } catch (error) {
      throw explain(source, name, error);
    }
  });
  refuseUnused(source, read);
  const sent = [...rendered, ...source.ownFiles];
  const all = [
    ...sent,
    { name: ".blaxelignore", mode: 0o644, contents: Buffer.from(blaxelignore(sent.map(({ name }) => name))) },
    { name: "lock.json", mode: 0o644, contents: Buffer.from(canonicalJson(lock)) },
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  checkDockerfile(textOf(all, "Dockerfile"), all, source.name);
  parseBlaxelToml(textOf(all, "blaxel.toml"), source.name);
  return {
    template: source.name,
    mesaVersion: lock.mesaVersion,
    lock,
    settings: source.settings,
    files: all,
    inputsDigest: inputsDigestOf(all),
  };
}

/** An unused value or input is usually a spelling mistake. */
function refuseUnused({ name, settings }: TemplateSource, read: ReadonlySet<string>): void {
  const unused = (["values", "images", "downloads"] as const).flatMap((kind) =>
    Object.keys(settings[kind])
      .map((key) => `${kind}.${key}`)
      .filter((key) => !read.has(key)),
  );
  if (unused.length === 0) return;
  throw new Failure({
    code: "TEMPLATE_INVALID",
    kind: "usage",
    template: name,
    message: `templates/${name}/template.toml sets ${unused.join(", ")}, which no file of the template uses.`,
    hint: "Use it, remove it, or check its spelling.",
  });
}

/** sha256 over names, modes and contents of all files, the lock included. */
function inputsDigestOf(files: readonly RenderedFile[]): string {
  return digestOf(
    canonicalJson(files.map(({ name, mode, contents }) => ({ name, mode, sha256: sha256(contents) }))),
  );
}
