import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseLock } from "../../../src/lock/index";
import { loadTemplate, renderTemplate, textOf } from "../../../src/render/index";

const ROOT = resolve(import.meta.dirname, "../../..");
const LOCK_FILE = join(ROOT, "test/golden/debian/0.46.0/lock.json");
const root = mkdtempSync(join(tmpdir(), "example-"));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

describe("examples/claude-code", () => {
  it("is templates/debian with its own steps at the marked place", () => {
    const [ours, example] = ["templates/debian", "examples/claude-code"].map((folder) =>
      readFileSync(join(ROOT, folder, "Dockerfile.hbs"), "utf8"),
    );
    const [before = "", after = ""] = (ours ?? "").split(/\{\{! Your own steps[^\n]*\n/u);
    // init points at this mark, also in a copy of the example.
    expect(example).toContain("{{! Your own steps");
    expect(after).not.toBe("");
    expect(example?.startsWith(before)).toBe(true);
    expect(example?.endsWith(after)).toBe(true);
    for (const file of ["blaxel.toml.hbs", "entrypoint.sh.hbs"])
      expect(readFileSync(join(ROOT, "examples/claude-code", file))).toEqual(
        readFileSync(join(ROOT, "templates/debian", file)),
      );
  });

  it("renders to a Dockerfile that fetches through a mirror and holds the program to its hash", async () => {
    cpSync(join(ROOT, "templates"), join(root, "templates"), { recursive: true });
    cpSync(join(ROOT, "examples/claude-code"), join(root, "templates/claude-code"), { recursive: true });
    const source = await loadTemplate(root, "claude-code");
    const { url, version = "" } = source.settings.downloads["claude"] ?? { url: "" };
    const lock = {
      ...parseLock(readFileSync(LOCK_FILE, "utf8"), LOCK_FILE),
      template: "claude-code",
      downloads: {
        claude: {
          url: url.replaceAll("{version}", version),
          version,
          size: 1,
          sha256: "a".repeat(64),
          vouched: { by: "publisher", hash: "sha512:00" },
        },
      },
    } as const;
    const { files } = renderTemplate(source, lock);
    expect(textOf(files, "Dockerfile")).toContain(
      `"\${DOWNLOAD_MIRROR:-https://}registry.npmjs.org/@anthropic-ai/claude-code-linux-x64/-/claude-code-linux-x64-${version}.tgz" \\\n      /tmp/claude.tgz SHA256:${"a".repeat(64)}`,
    );
    expect(files.map(({ name }) => name)).toContain("managed-settings.json");
    expect(() => renderTemplate(source, { ...lock, downloads: {} })).toThrow(
      /names downloads\.claude \(https:.*\), but the lock of Mesa 0\.46\.0 does not have it/u,
    );
    const older = { ...lock.downloads.claude, url: "https://example.com/older.tgz" };
    expect(() => renderTemplate(source, { ...lock, downloads: { claude: older } })).toThrow(
      /has https:\/\/example\.com\/older\.tgz/u,
    );
  });
});
