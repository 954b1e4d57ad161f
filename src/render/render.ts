import Handlebars from "handlebars";
import type { Lock } from "../lock/lock";
import { canonicalJson } from "../support/canonical-json";
import { digestOf } from "../support/digest";
import { Failure, messageOf } from "../support/errors";
import type { RenderedFile, RenderedTemplate } from "./rendered";
import type { TemplateSource } from "./source";
import { valuesFor } from "./values";

/** Left out of the upload. bl matches a line as a prefix and anywhere in the path, so no line may begin like a file of ours. */
const BLAXELIGNORE = `# Written by mesa-template. With this file bl's own list does not apply, so what must never be sent stands here.
.env
.git
.mesa-template
node_modules
`;

/** An object that remembers which of its keys were read. */
function watched(values: Readonly<Record<string, unknown>>): {
  readonly proxy: Record<string, unknown>;
  readonly unread: () => readonly string[];
} {
  const read = new Set<string>();
  const proxy = new Proxy(
    { ...values },
    {
      get(target, key: string) {
        read.add(key);
        return target[key];
      },
    },
  );
  return { proxy, unread: () => Object.keys(values).filter((key) => !read.has(key)) };
}

function explain(source: TemplateSource, file: string, error: unknown): Failure {
  const message = messageOf(error);
  const missing =
    /"([^"]+)" not defined in .* - (\d+):\d+/u.exec(message) ?? /"([^"]+)" not defined/u.exec(message);
  const line = missing?.[2] === undefined ? "" : `, line ${missing[2]}`;
  return new Failure({
    code: "TEMPLATE_INVALID",
    kind: "usage",
    template: source.name,
    message:
      missing === null
        ? `${file}.hbs: ${message.split("\n")[0] ?? ""}`
        : `${file}.hbs${line}: {{${missing[1] ?? ""}}} has no value.`,
    hint: "Values of your own stand under [values] in template.toml and are written {{values.NAME}}; the others are listed in the README.",
    cause: error,
  });
}

/**
 * Renders a template with a lock. Pure: the same source and lock give the same bytes anywhere.
 * @throws Failure TEMPLATE_INVALID, VALUE_NOT_ALLOWED (exit 2)
 */
export function renderTemplate(source: TemplateSource, lock: Lock): RenderedTemplate {
  const engine = Handlebars.create();
  for (const [name, text] of Object.entries(source.partials)) engine.registerPartial(name, text);
  const values = valuesFor(source.settings, lock);
  const own = watched(values["values"] as Record<string, unknown>);
  const context = { ...values, values: own.proxy };
  const files: RenderedFile[] = Object.entries(source.files).map(([name, text]) => {
    try {
      const contents = engine.compile(text, { strict: true, noEscape: true, explicitPartialContext: false })(
        context,
      );
      return {
        name,
        mode: name.endsWith(".sh") ? 0o755 : 0o644,
        contents: contents.endsWith("\n") ? contents : `${contents}\n`,
      };
    } catch (error) {
      throw explain(source, name, error);
    }
  });
  const unread = own.unread();
  if (unread.length > 0) {
    throw new Failure({
      code: "TEMPLATE_INVALID",
      kind: "usage",
      template: source.name,
      message: `templates/${source.name}/template.toml gives ${unread.map((key) => `values.${key}`).join(", ")}, which no file of the template uses.`,
      hint: "Use it or take it out: a value that does nothing is mostly a spelling mistake.",
    });
  }
  const all = [
    ...files,
    { name: ".blaxelignore", mode: 0o644, contents: BLAXELIGNORE },
    { name: "lock.json", mode: 0o644, contents: canonicalJson(lock) },
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    template: source.name,
    mesaVersion: lock.mesaVersion,
    lock,
    settings: source.settings,
    files: all,
    inputsDigest: inputsDigestOf(all),
  };
}

/** sha256 over names, modes and contents; the lock is one of the files. */
export function inputsDigestOf(files: readonly RenderedFile[]): string {
  return digestOf(canonicalJson(files.map(({ name, mode, contents }) => ({ name, mode, contents }))));
}
