import { isUtf8 } from "node:buffer";
import type { Lock, LockInputs } from "../lock/lock";
import { digestOf } from "../support/text/digest";

/** One file of a rendered template. */
export interface RenderedFile {
  /** Path in the project folder with forward slashes, e.g. "Dockerfile" or "agent/main.py". */
  readonly name: string;
  /** Permission bits: 0o644 or 0o755. */
  readonly mode: number;
  readonly contents: Buffer;
}

/** The Blaxel project of one lock: the same lock and templates give the same bytes everywhere. */
export interface RenderedTemplate {
  readonly template: string;
  readonly mesaVersion: string;
  readonly lock: Lock;
  /** The content of template.toml (budget, deploy name, memory, ports …). */
  readonly settings: TemplateSettings;
  /** Sorted by name. Holds at least Dockerfile, blaxel.toml, entrypoint.sh, .blaxelignore, lock.json. */
  readonly files: readonly RenderedFile[];
  /** sha256 over lock and rendered files (names, modes, contents); decides whether there is anything to do. */
  readonly inputsDigest: string;
}

/** A template as it is proven: rendered now, or read from a revision's record, which holds only these settings. */
export interface ProvenTemplate extends Omit<RenderedTemplate, "settings"> {
  readonly settings: Pick<TemplateSettings, "image" | "sandbox">;
}

/** template.toml, checked and with defaults. */
export interface TemplateSettings extends LockInputs {
  readonly description: string;
  /** apt: apt installs the .deb; extract: dpkg-deb -x unpacks it (Alpine). */
  readonly install: "apt" | "extract";
  readonly image: { readonly budgetMegabytes: number };
  readonly sandbox: {
    /** Name on Blaxel, from the pattern in template.toml ("mesa-{template}"). */
    readonly name: string;
    readonly memoryMegabytes: number;
    readonly ports: readonly {
      readonly name: string;
      readonly target: number;
      readonly protocol: "http" | "tcp" | "udp" | "tls";
    }[];
    readonly region?: string | undefined;
  };
  /** Extra values of a team's template, which must use every one. */
  readonly values: Readonly<Record<string, string>>;
}

/** The folders above a file, outermost first: "a/b/c" → "a", "a/b". */
export function foldersOf(name: string): readonly string[] {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

const TEXT_LIMIT = 256 * 1024;

/** Files as a record stores them, without lock.json: texts by name; of binary or long files, size and hash. */
export function textsOf(files: readonly RenderedFile[]): Record<string, string> {
  return Object.fromEntries(
    files
      .filter(({ name }) => name !== "lock.json")
      .map(({ name, contents }) => [
        name,
        contents.length <= TEXT_LIMIT && isUtf8(contents) && !contents.includes(0)
          ? contents.toString("utf8")
          : `${String(contents.length)} bytes, ${digestOf(contents)}\n`,
      ]),
  );
}

/** A rendered file's text. */
export function textOf(files: readonly RenderedFile[], name: string): string {
  return files.find((file) => file.name === name)?.contents.toString("utf8") ?? "";
}
