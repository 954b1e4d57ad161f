import { describe, expect, it } from "vitest";
import { candidatesFor, wordsOf } from "../../../src/cli/completion/candidates";
import { completionWords } from "../../../src/cli/completion/words";
import { COMMANDS } from "../../../src/cli/commands/index";
import { commandWords } from "../../../src/cli/command-line";

const words = completionWords();
const KNOWN = {
  templates: ["alpine", "debian"],
  versions: ["0.26.0", "0.20.0"],
  ids: ["debian@0.26.0-1", "debian@0.20.0-1"],
  refs: ["stable", "0.26.0", "debian@0.26.0-1"],
  channels: ["canary", "stable"],
} as const;

function at(line: string): readonly string[] | "files" {
  const found = candidatesFor(words, wordsOf(`mesa-template ${line}`), (source) => KNOWN[source]);
  return found === "files" ? found : found.map(({ value }) => value);
}

describe("completion", () => {
  it("knows every command there is, with what it does", () => {
    const first = [...new Set(COMMANDS.map((spec) => commandWords(spec)[0]))];
    const offered = at("");
    expect(offered === "files" ? [] : offered.toSorted()).toEqual(first.toSorted());
    const all = candidatesFor(words, ["mesa-template", ""], () => []);
    expect(all !== "files" && all.every(({ describe: text }) => text.length > 5)).toBe(true);
  });

  it.each([
    ["rel", ["release"]],
    ["sandbox ", ["run", "shell", "bootstrap", "clean"]],
    ["sandbox r", ["run"]],
    ["manifest m", ["merge"]],
    ["--json manifest ", ["check", "merge"]],
    ["nonsense ", []],
    ["release ", ["0.26.0", "0.20.0"]],
    ["release 0.2", ["0.26.0", "0.20.0"]],
    ["release 0.20.0 ", []],
    ["matrix 0.20.0 ", ["0.26.0", "0.20.0"]],
    ["promote ", ["stable", "0.26.0", "debian@0.26.0-1"]],
    ["promote debian@", ["debian@0.26.0-1"]],
    ["promote 0.26.0 ", ["canary", "stable"]],
    ["promote --reason because 0.26.0 st", ["stable"]],
    ["show debian@0.2", ["debian@0.26.0-1", "debian@0.20.0-1"]],
    ["release --publish ", ["deploy", "push"]],
    ["release --publish=p", ["--publish=push"]],
    ["release --no-v", ["--no-verify"]],
    ["release --dep", ["--deploy-timeout"]],
    ["list --status ver", ["verified"]],
    ["list --template ", ["alpine", "debian"]],
    ["list --template alpine,", ["alpine,debian"]],
    ["completion ", ["bash", "zsh", "fish"]],
    ['show "debian@0.26', ["debian@0.26.0-1"]],
  ])("%s", (line, expected) => {
    expect(at(line)).toEqual(expected);
  });

  it("offers an option once, and those of the command only", () => {
    expect(at("list --json --")).not.toContain("--json");
    expect(at("list --")).toContain("--status");
    expect(at("list --")).not.toContain("--publish");
  });

  it("leaves files to the shell", () => {
    for (const line of [
      "list --root ",
      "list --events=x",
      "manifest merge a.json ",
      "sandbox run 0.20.0 -- ls ",
    ])
      expect(at(line)).toBe("files");
  });

  it("has no value to offer where nobody can know one", () => {
    expect(at("rollback stable --reason ")).toEqual([]);
  });
});
