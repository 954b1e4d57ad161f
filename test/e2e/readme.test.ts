import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IDENTITY } from "../unit/cli/fixture/run-main";
import { resetWorld } from "./world";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "readme-"));
const checkout = join(folder, "checkout");

beforeAll(async () => {
  await resetWorld();
  // A clone, as the reader has it, with this checkout's packages; what is not committed yet comes along.
  execFileSync("git", ["clone", "--quiet", "--no-hardlinks", REPOSITORY, checkout]);
  const changed = execFileSync("git", ["ls-files", "-z", "--modified", "--others", "--exclude-standard"], {
    cwd: REPOSITORY,
    encoding: "utf8",
  });
  if (changed !== "")
    execFileSync("xargs", ["-0", "cp", "--parents", "-t", checkout], { cwd: REPOSITORY, input: changed });
  symlinkSync(join(REPOSITORY, "node_modules"), join(checkout, "node_modules"));
  // Where dist/ is of this source, make finds nothing to build, as for a reader who has built already.
  if (process.env["MESA_TEMPLATE_BUILT"] !== undefined)
    cpSync(join(REPOSITORY, "dist"), join(checkout, "dist"), { recursive: true });
}, 60_000);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Line {
  readonly section: string;
  readonly command: string;
  /** Exit codes that the README names beside it. */
  readonly codes: readonly number[];
}

/** The lines of the README's shell blocks. */
function lines(): readonly Line[] {
  const text = readFileSync(join(REPOSITORY, "README.md"), "utf8");
  return text.split(/^## /mu).flatMap((part) => {
    const [section = ""] = part.split("\n");
    return [...part.matchAll(/^```sh\n([^]*?)^```$/gmu)].flatMap(([, block = ""]) =>
      block
        .trim()
        .split("\n")
        .map((command) => ({
          section,
          command,
          codes: [0, ...[...command.matchAll(/# .*exit (\d+)/gu)].map(([, code]) => Number(code))],
        })),
    );
  });
}

/** Runs a line in the checkout: credentials are the world's, and its upstreams stand in for the real ones. */
function run(command: string): { readonly status: number | null; readonly output: string } {
  // `…` in the README stands for a value of the reader's own, which is set already.
  const script = `shopt -s expand_aliases
alias mesa-template="node ${checkout}/dist/mesa-template.js"
MESA_VERSION=0.26.0
${/^export .*…/u.test(command) ? ":" : command}`;
  const { status, stdout, stderr } = spawnSync("bash", ["-eo", "pipefail", "-c", script], {
    cwd: checkout,
    env: { ...process.env, ...IDENTITY, HOME: folder, CI: "1" },
    input: "",
    encoding: "utf8",
    timeout: 200_000,
  });
  return { status, output: `${stdout}${stderr}` };
}

describe("the README's commands, as written and in their order", () => {
  it("has commands in the sections that a newcomer follows", () => {
    expect([...new Set(lines().map(({ section }) => section))]).toEqual([
      "The real thing",
      "Upgrade, and undo it",
      "From staging to prod",
      "Use a template",
      "In a pipeline",
    ]);
  });

  it.each(lines())("$section: $command", ({ command, codes }) => {
    const { status, output } = run(command);
    expect(codes, output).toContain(status);
  });
});
