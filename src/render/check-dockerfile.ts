import { posix } from "node:path";
import { Failure } from "../support/errors";
import type { RenderedFile } from "./rendered";

interface Instruction {
  /** Its first line, from 1. */
  readonly line: number;
  /** Upper-case. */
  readonly keyword: string;
  /** The text after the keyword, with continued lines joined. */
  readonly rest: string;
}

/** A Dockerfile's instructions, with continued lines joined, without comments and here-document bodies. */
function instructionsOf(text: string): readonly Instruction[] {
  const lines = text.split(/\r?\n/u);
  const found: Instruction[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const first = at;
    let joined = "";
    for (; at < lines.length; at += 1) {
      const line = lines[at] ?? "";
      if (/^\s*#/u.test(line) || (joined !== "" && line.trim() === "")) continue;
      const goesOn = /\\[ \t]*$/u.test(line);
      joined += goesOn ? line.replace(/\\[ \t]*$/u, " ") : line;
      if (!goesOn) break;
    }
    const [, keyword = "", rest = ""] = /^\s*(\w+)\s+(.*)$/su.exec(joined) ?? [];
    if (keyword === "") continue;
    const skipped = lines.slice(first, at).findIndex((line) => !/^\s*(?:#|$)/u.test(line));
    found.push({ line: first + Math.max(0, skipped) + 1, keyword: keyword.toUpperCase(), rest: rest.trim() });
    for (const [, word = ""] of rest.matchAll(/<<-?["']?([A-Za-z_][\w.-]*)["']?/gu)) {
      const end = lines.findIndex((line, index) => index > at && line.trim() === word);
      if (end !== -1) at = end;
    }
  }
  return found;
}

const PINNED = /@sha256:[0-9a-f]{64}$/u;
const flag = (rest: string, name: string): string | undefined =>
  new RegExp(`(?:^|\\s)--${name}=(["']?)(\\S+?)\\1(?=\\s|$)`, "u").exec(rest)?.[2];

/** Words after the flags, without quotes; of the JSON form too. */
function words(rest: string): readonly string[] {
  const bare = rest.replace(/^(?:--\S+\s+)+/u, "");
  if (bare.startsWith("[")) return [...bare.matchAll(/"((?:[^"\\]|\\.)*)"/gu)].map(([, word = ""]) => word);
  return bare.split(/\s+/u).flatMap((word) => word.replace(/^(["'])(.*)\1$/u, "$2") || []);
}

/** A name for an image in template.toml. */
function inputName(image: string): string {
  const last = image.split("/").at(-1) ?? "";
  return /^[A-Za-z][\w-]*/u.exec(last)?.[0] ?? "tools";
}

/**
 * Checks what a rendered Dockerfile's header promises: every image and download is pinned, and every copied file exists.
 * @param files all rendered files: the build context
 * @throws Failure SOURCE_NOT_PINNED, TEMPLATE_INVALID (exit 2) with the line and what to write instead
 */
export function checkDockerfile(text: string, files: readonly RenderedFile[], template: string): void {
  const stages = new Set<string>();
  let count = 0;
  const refuse = (code: string, { line }: Instruction, message: string, hint: string): never => {
    throw new Failure({
      code,
      kind: "usage",
      template,
      message: `dockerfiles/${template}: Dockerfile, line ${String(line)}: ${message}`,
      hint,
    });
  };
  const holdImage = (instruction: Instruction, what: string, image: string): void => {
    const { keyword } = instruction;
    const known = stages.has(image.toLowerCase()) || (/^\d+$/u.test(image) && Number(image) < count);
    const pinned = PINNED.test(image);
    // Only in FROM does every builder replace variables.
    if (known || image === "scratch" || (pinned && (keyword === "FROM" || !image.includes("$")))) return;
    const bare = image.replace(/^\$\{MIRROR\}|@.*$/gu, "");
    const name = inputName(bare);
    const reference = `{{images.${name}.reference}}`;
    const stage = `${name}, which FROM \${MIRROR}${reference} AS ${name} names before the last FROM`;
    const use = keyword === "FROM" ? `\${MIRROR}${reference}` : keyword === "" ? reference : stage;
    refuse(
      "SOURCE_NOT_PINNED",
      instruction,
      `${what} ${image} ${pinned ? "has a variable, which not every builder replaces there" : "is not pinned by digest, so it can change between builds"}.`,
      `Lock it: write [images.${name}] with image = ${JSON.stringify(bare.includes("$") ? "docker.io/library/NAME:TAG" : bare)} in templates/${template}/template.toml. In Dockerfile.hbs, write ${use}.`,
    );
  };
  const syntax = /^(?:#\s*\w+\s*=.*\n)*#\s*syntax\s*=\s*(\S+)/iu.exec(text)?.[1];
  if (syntax !== undefined) holdImage({ line: 1, keyword: "", rest: "" }, "# syntax=", syntax);
  for (const instruction of instructionsOf(text)) {
    const { keyword, rest } = instruction;
    if (keyword === "FROM") {
      const [image = "", as, stage] = words(rest);
      holdImage(instruction, "FROM", image);
      if (as?.toUpperCase() === "AS" && stage !== undefined) stages.add(stage.toLowerCase());
      count += 1;
      continue;
    }
    if (keyword === "RUN")
      for (const [, image = ""] of rest.matchAll(/--mount=\S*\bfrom=["']?([^\s,"']+)/gu))
        holdImage(instruction, "RUN --mount=…,from=", image);
    if (keyword !== "COPY" && keyword !== "ADD") continue;
    const from = flag(rest, "from");
    if (from !== undefined) {
      holdImage(instruction, `${keyword} --from=`, from);
      continue;
    }
    for (const source of words(rest).slice(0, -1)) {
      if (/^(?:https?|ftp|git):\/\/|^git@/iu.test(source)) {
        if (keyword === "COPY" || flag(rest, "checksum")?.startsWith("sha256:") === true) continue;
        refuse(
          "SOURCE_NOT_PINNED",
          instruction,
          `ADD ${source} is not pinned by hash, so it can change between builds.`,
          `Lock it: write [downloads.NAME] with url = "…" in templates/${template}/template.toml, and fetch {{downloads.NAME.address}} in a RUN that checks {{downloads.NAME.sha256}}.`,
        );
      }
      const path = posix.normalize(source).replace(/^\/+|\/+$/gu, "");
      if (path === "" || path === "." || /[*?[$]|<</u.test(path)) continue;
      const there = (one: string): boolean =>
        files.some(({ name }) => name === one || name.startsWith(`${one}/`));
      if (there(path)) continue;
      const bare = path.replace(/^files\/?/u, "");
      refuse(
        "TEMPLATE_INVALID",
        instruction,
        `${keyword} ${source}: there is no ${path} in the build context.`,
        bare !== path && (bare === "" || there(bare))
          ? `The contents of templates/${template}/files/ are the root of the build context: write ${keyword} ${bare === "" ? "." : bare}.`
          : `Put it into templates/${template}/files/${path.replace(/^(?:\.\.\/)+/u, "")}, and copy it from there.`,
      );
    }
  }
}
