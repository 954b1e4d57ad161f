import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { pages } from "../../scripts/docs/index";
import { COMMAND_GROUPS } from "../../src/cli/commands/index";
import { commandWords } from "../../src/cli/line/command-line";
import { parseCommandLine } from "../../src/cli/line/parser";
import { ANSWERS } from "../../scripts/docs/answers";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(REPOSITORY, path), "utf8");

function filesBelow(folder: string, ends: RegExp): readonly string[] {
  return readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((name) => ends.test(name));
}

const DOCUMENTS = ["README.md", "CHANGELOG.md", ...filesBelow("docs", /\.md$/u)];

describe("pages that are made from code", () => {
  /** A page without what its format decides: blanks, line breaks and the width of tables. */
  const bare = (page: string): string => page.replace(/^\|[ |-]+\|$/gmu, "|-|").replace(/\s+/gu, "");

  it.each(Object.entries(pages(REPOSITORY)))("%s is as npm run docs writes it", async (path, text) => {
    // Prettier takes a second to load and to format these, and checks the format of every page by itself.
    if (bare(read(path)) === bare(text)) return;
    const { format, resolveConfig } = await import("prettier");
    const options = await resolveConfig(join(REPOSITORY, path));
    expect(read(path)).toBe(await format(text, { ...options, filepath: path }));
  });

  it.each(["INDEX_EXPIRED", "RELEASE_UNSIGNED", "SOURCE_NOT_PINNED", "BUILD_FAILED", "WRONG_MESA_VERSION"])(
    "list the code %s, which has no failure of its own in the sources",
    (code) => {
      expect(read("docs/troubleshooting.md")).toContain(`| \`${code}\` `);
    },
  );

  it("describe the JSON of every command that has one", () => {
    const commands = COMMAND_GROUPS.flatMap((group) =>
      group.commands.map((spec) => commandWords(spec).join(" ")),
    );
    expect(Object.keys(ANSWERS).sort()).toEqual(commands.filter((name) => name !== "sandbox shell").sort());
  });
});

/** Headings of a page as GitHub links to them. */
function anchors(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gmu)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("every document", () => {
  it.each(DOCUMENTS)("%s links only to what exists", (path) => {
    const text = read(path).replaceAll(/```[^]*?```/gu, "");
    const broken = [...text.matchAll(/\]\(([^)\s]+)\)/gu)].flatMap(([, target = ""]) => {
      if (/^https?:/u.test(target)) return [];
      const [file = "", anchor] = target.split("#");
      const at = file === "" ? path : relative(REPOSITORY, resolve(REPOSITORY, dirname(path), file));
      if (!existsSync(join(REPOSITORY, at))) return [target];
      return anchor === undefined || anchors(read(at)).includes(anchor) ? [] : [target];
    });
    expect(broken).toEqual([]);
  });

  it("shows only command lines that the program takes", () => {
    const wrong: string[] = [];
    for (const path of DOCUMENTS.filter((name) => name !== "CHANGELOG.md"))
      for (const line of commandLines(read(path)))
        try {
          parseCommandLine(line, COMMAND_GROUPS, 100);
        } catch (error) {
          wrong.push(`${path}: ${line.join(" ")}: ${error instanceof Error ? error.message : ""}`);
        }
    expect(wrong).toEqual([]);
  });
});

/** The command lines of mesa-template in a page's shell blocks, as words. */
function commandLines(text: string): readonly (readonly string[])[] {
  return [...text.matchAll(/```(?:sh|bash)?\n([^]*?)```/gu)]
    .flatMap(([, block = ""]) => block.replaceAll("\\\n", " ").split("\n"))
    .flatMap((line) => {
      const [, command] = /^(?:\$ )?(?:image=\$\()?mesa-template (.+)$/u.exec(line) ?? [];
      if (command === undefined) return [];
      const plain = (command.split(/ +#|[|>;&)](?= |$)/u)[0] ?? "").trim();
      return [
        [...plain.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/gu)].map(
          (match) => match[1] ?? match[2] ?? match[3] ?? "",
        ),
      ];
    });
}

describe("README.md", () => {
  it("has at most 250 lines and names every page", () => {
    const text = read("README.md");
    expect(text.split("\n").length).toBeLessThanOrEqual(251);
    const pagesOfDocs = filesBelow("docs", /\.md$/u).filter((name) => name !== "docs/style.md");
    expect(pagesOfDocs.filter((name) => !text.includes(`(${name})`))).toEqual([]);
  });
});

/** Phrases that read as if translated, and what to write instead (docs/style.md). */
const BANNED: readonly (readonly [RegExp, string])[] = [
  [/as everywhere\b/u, "the last value wins"],
  [/No version is like that/u, "No version matches these filters"],
  [/\(--no-[a-z]+: not\)/u, "(disable with --no-…)"],
  [/\b(?:is|are) as (?:it|they) should be/u, "is up to date"],
  [/of another content/u, "already exists with different content"],
  [/goes on waiting/u, "resumes the previous upload"],
  [/would come along/u, "is not one of the rendered files"],
  [/without an end\b/u, "timed out after …"],
  [/something else than/u, "an unexpected …"],
  [/cannot be had|can be had|not to be had/u, "is not available, is not supported"],
  [/\(any more\)/u, "invalid or expired; is not responding"],
  [/Who mounts must change/u, "The mount command changes"],
  [/Runs as its owner now/u, "Gained setuid"],
  [/moves nothing silently/u, "never moves … by itself"],
  [/without a name\b.*build|build left it/u, "untagged leftover of a build"],
  [/told apart from/u, "identified by comparing with …"],
  [/Mend that/u, "Fix that"],
  [/what signal n ended/u, "killed by signal n"],
  [/as it is said\b/u, "as it is produced"],
  [/looks like this, and so does/u, "… may be stale, or somebody may …"],
  [/Read what (?:it|was) said/u, "Read its message above"],
  [/\b(?:log|words?) (?:is|stands?|are) above/u, "See its log above"],
  [/in some minutes/u, "in a few minutes"],
  [/goes on after the last/u, "resumes after the last finished stage"],
  [/nobody vouches/iu, "is not signed"],
  [/(?:was|were) locked`/u, "now …; locked is …"],
  [/cannot be told\b/u, "it is unclear"],
  [/could not be looked at/u, "could not be inspected"],
  [/resolved anew|said nothing|without a word\b/u, "resolved again; printed nothing; silently"],
  [/(?<![Tt]here )\b(?:is|are) no (?:address|tag|digest|file|place|setting)\b/u, "is not a …"],
  [/somebody sits/u, "on a terminal"],
  [/\bany more\b|\banew\b|\bfor ever\b/u, "no longer; again; forever"],
  [/\bhanded on\b|\bgone on with\b|\blet(?:s|ting)? go of\b/u, "passed on; resumed; releases"],
  [/\btold (?:of|from|by)\b|\b(?:is|are) told what\b/u, "reported; distinguished; gets"],
  [/where there (?:is|are) none\b/u, "without one"],
  [/\b(?:become|becomes|became|came) of\b/u, "the result of"],
  [/(?<!\bat )\ball the same\b/u, "still"],
  [/\b(?:its|their|last) words\b/u, "its message; its last lines"],
  [/\bheld? against\b|\bholds? \w+ against\b/u, "checked against; compares with"],
  [/\bstands? in no\b/u, "is in no …"],
  [/\bnot (?:looked|searched) at\b|\bwere not looked for\b/u, "not checked; not searched for"],
];

describe("plain English", () => {
  it("occurs in no source, template or document", () => {
    const files = [
      // docs/style.md shows some of them as what not to write.
      ...DOCUMENTS.filter((name) => name !== "docs/style.md"),
      ...filesBelow("src", /\.ts$/u),
      ...filesBelow("templates", /\.(?:toml|hbs|yaml|md)$/u),
      ...filesBelow(".github/workflows", /\.yml$/u),
    ];
    const found = files.flatMap((path) => {
      const text = read(path);
      const phrases = BANNED.filter(([phrase]) => phrase.test(text));
      return (phrases.length === 0 ? [] : text.split("\n")).flatMap((line, index) =>
        phrases
          .filter(([phrase]) => phrase.test(line))
          .map(([phrase, better]) => `${path}:${String(index + 1)}: ${phrase.source}: write "${better}"`),
      );
    });
    expect(found).toEqual([]);
  });
});
