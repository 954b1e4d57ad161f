import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseLock } from "../../../src/lock/index";
import { loadTemplate, renderTemplate } from "../../../src/render/index";
import { Failure } from "../../../src/support/errors";

const ROOT = resolve(import.meta.dirname, "../../..");
const LOCK_FILE = join(ROOT, "test/golden/locks/debian-0.20.0.json");
const lock = parseLock(readFileSync(LOCK_FILE, "utf8"), LOCK_FILE);

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "render-test-"));
  cpSync(join(ROOT, "templates"), join(root, "templates"), { recursive: true });
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function edit(file: string, change: (text: string) => string): void {
  const path = join(root, "templates/debian", file);
  writeFileSync(path, change(readFileSync(path, "utf8")));
}

async function failure(template = "debian"): Promise<Failure> {
  try {
    renderTemplate(await loadTemplate(root, template), lock);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it rendered");
}

describe("a template that is not right is refused with what, where and what to do", () => {
  it.each([
    [
      "a wrong type",
      (text: string) => text.replace("memory_megabytes = 4096", 'memory_megabytes = "4096"'),
      /sandbox\.memory_megabytes.*string "4096"/u,
    ],
    ["an unknown key", (text: string) => `colour = "red"\n${text}`, /unknown key colour/u],
    ["not TOML", (text: string) => `${text}\n= 3`, /line \d+.*not TOML/u],
    [
      "a name that is too long",
      (text: string) => text.replace('"mesa-{template}"', `"${"a".repeat(50)}"`),
      /at most 49/u,
    ],
    [
      "a name with other characters",
      (text: string) => text.replace('"mesa-{template}"', '"Mesa_Debian"'),
      /sandbox\.name/u,
    ],
    [
      "a reserved port",
      (text: string) => `${text}\n[[sandbox.ports]]\nname = "web"\ntarget = 443\n`,
      /port 443 is taken/u,
    ],
    [
      "a value with a line break",
      (text: string) => `${text}\n[values]\nnote = "a\\nb"\n`,
      /values\.note.*line breaks/u,
    ],
    ["a value with a quote", (text: string) => `${text}\n[values]\nnote = 'a"b'\n`, /values\.note/u],
    [
      "a value nobody uses",
      (text: string) => `${text}\n[values]\nnote = "plain"\n`,
      /values\.note, which no file/u,
    ],
    [
      "an image that is none",
      (text: string) => text.replace("docker.io/library/debian:bookworm-slim", "debian latest"),
      /base\.image/u,
    ],
  ])("%s", async (_what, change, says) => {
    edit("template.toml", change);
    const found = await failure();
    expect(found.kind).toBe("usage");
    expect(found.message).toMatch(says);
    expect(found.hint).toBeTruthy();
  });

  it("a variable that nobody gives", async () => {
    edit("Dockerfile.hbs", (text) => `${text}ENV X={{values.nobody}}\n`);
    const found = await failure();
    expect(found.message).toMatch(/Dockerfile\.hbs.*nobody/u);
  });

  it("a file that is missing", async () => {
    rmSync(join(root, "templates/debian/entrypoint.sh.hbs"));
    expect((await failure()).message).toContain("entrypoint.sh.hbs");
  });

  it.each(["../x", "Debian", "", "a/b"])("the name %j", async (name) => {
    expect((await failure(name)).code).toBe("TEMPLATE_UNKNOWN");
  });

  it("a template that is not there names those that are", async () => {
    expect((await failure("nosuch")).hint).toContain("alpine, debian");
  });

  it("takes a value that is used", async () => {
    edit("template.toml", (text) => `${text}\n[values]\nnote = "plain text, nothing more"\n`);
    edit("Dockerfile.hbs", (text) => `${text}LABEL note="{{values.note}}"\n`);
    const rendered = renderTemplate(await loadTemplate(root, "debian"), lock);
    expect(rendered.files.find((file) => file.name === "Dockerfile")?.contents).toContain(
      'LABEL note="plain text, nothing more"',
    );
  });
});
