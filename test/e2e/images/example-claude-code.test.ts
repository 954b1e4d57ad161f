import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mesaTemplate, temporaryRoot, type Ran } from "../program";
import { resetWorld, state } from "../world";

const EXAMPLE = resolve(import.meta.dirname, "../../../examples/claude-code");
const KEY = "sk-ant-api03-of-the-test-0123456789";
const place = temporaryRoot();

/** What the registry says of the newest package, as `npm view` shows it. */
async function published(): Promise<{ readonly version: string; readonly integrity: string }> {
  const mirror = /^downloads = "(.*)"$/mu.exec(
    readFileSync(process.env["MESA_TEMPLATE_UPSTREAM"] ?? "", "utf8"),
  );
  const url = `${mirror?.[1] ?? ""}/registry.npmjs.org/@anthropic-ai/claude-code-linux-x64/latest`;
  const { version, dist } = (await (await fetch(url)).json()) as {
    version: string;
    dist: { integrity: string };
  };
  return { version, integrity: dist.integrity };
}

function ask(args: readonly string[], rest: readonly string[] = []): Promise<Ran> {
  return mesaTemplate([...args, "--root", place.root, "--template", "claude-code", ...rest], {
    env: { ANTHROPIC_API_KEY: KEY },
    timeoutMs: 600_000,
  });
}

beforeAll(async () => {
  await resetWorld();
  const folder = join(place.root, "templates/claude-code");
  cpSync(EXAMPLE, folder, { recursive: true });
  const { version, integrity } = await published();
  const file = join(folder, "template.toml");
  const text = readFileSync(file, "utf8");
  writeFileSync(
    file,
    text
      .replace(/^version = ".*"$/mu, `version = "${version}"`)
      .replace(/^integrity = ".*"$/mu, `integrity = "${integrity}"`),
  );
  const released = await ask(["release", "0.46.0"]);
  expect(released.code, released.stderr).toBe(0);
  expect((await ask(["promote", "claude-code@0.46.0-1", "stable"])).code).toBe(0);
}, 900_000);
afterAll(() => {
  place.remove();
});

describe("the example claude-code", () => {
  it("is released, and its agent implements in a mounted repository what TODO.md describes", async () => {
    const run = ["sandbox", "run", "stable", "--repo", "acme/app", "--write"];
    const todo = await ask([...run, "--create-repo"], ["--", "sh", "-c", "echo 'Add a greeting.' > TODO.md"]);
    expect(todo.code, todo.stderr).toBe(0);
    const prompt = "Implement the feature described in TODO.md";
    const agent = await ask([...run, "--env", "ANTHROPIC_API_KEY"], ["--", "claude", "-p", prompt]);
    expect(agent.code, agent.stderr).toBe(0);
    const files = (await state()).repos.find(({ name }) => name === "app")?.files;
    expect(files?.["IMPLEMENTED.md"]).toBe("# Implemented\nAdd a greeting.\n");
    expect(agent.stdout + agent.stderr).not.toContain(KEY);
    expect(JSON.stringify(await state())).not.toContain(KEY);
  });

  it("says what is missing without the agent's credential", async () => {
    const ran = await ask(["sandbox", "run", "stable", "--repo", "acme/app"], ["--", "claude", "-p", "x"]);
    expect([ran.code, ran.stdout + ran.stderr]).toEqual([1, expect.stringContaining("Not logged in")]);
  });

  it("locks the program by the registry's integrity, in lock, SBOM and provenance", async () => {
    const folder = join(place.root, "dockerfiles/claude-code/0.46.0");
    const { downloads } = JSON.parse(readFileSync(join(folder, "lock.json"), "utf8")) as {
      downloads: { claude: { sha256: string; vouched: { by: string } } };
    };
    expect(downloads.claude.vouched.by).toBe("publisher");
    for (const name of ["sbom.cdx.json", "provenance.intoto.json"])
      expect(readFileSync(join(folder, "records/1", name), "utf8")).toContain(downloads.claude.sha256);
    expect((await ask(["lock", "0.46.0", "--check"])).code).toBe(0);
    const drift = await ask(["drift", "--json"]);
    expect(drift.stdout).not.toContain("downloads.claude");
  });
});
