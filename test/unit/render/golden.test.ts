import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DockerfileParser } from "dockerfile-ast";
import { describe, expect, it } from "vitest";
import { parseLock } from "../../../src/lock/index";
import type { Lock } from "../../../src/lock/lock";
import { loadTemplate, renderTemplate, textOf } from "../../../src/render/index";
import type { RenderedTemplate } from "../../../src/render/rendered";

const ROOT = resolve(import.meta.dirname, "../../..");
const GOLDEN = join(ROOT, "test/golden");
const LOCKS = ["alpine", "debian"].flatMap((template) =>
  readdirSync(join(GOLDEN, template))
    .filter((name) => /^\d/u.test(name))
    .map((version) => `${template}/${version}/lock.json`),
);
const UPDATE = process.env["UPDATE_GOLDEN"] === "1";

const made = new Map<string, Promise<RenderedTemplate>>();

/** What a lock renders to, made once. */
function golden(file: string): Promise<RenderedTemplate> {
  const result = made.get(file) ?? rendered(file);
  made.set(file, result);
  return result;
}

async function rendered(file: string, changes: Partial<Lock> = {}): Promise<RenderedTemplate> {
  const path = join(GOLDEN, file);
  const lock = { ...parseLock(readFileSync(path, "utf8"), path), ...changes };
  return renderTemplate(await loadTemplate(ROOT, lock.template), lock);
}

describe("rendered files", () => {
  it("stand for five generations and both templates", () => {
    expect(LOCKS).toHaveLength(10);
  });

  it.each(LOCKS)("%s renders to the same bytes as ever", async (file) => {
    const result = await golden(file);
    const folder = join(GOLDEN, result.template, result.mesaVersion);
    // What is the same for every version lies beside them.
    const ofAll = readdirSync(join(folder, "..")).filter((name) => !/^\d/u.test(name));
    for (const { name, mode, contents } of result.files) {
      const path = join(ofAll.includes(name) ? join(folder, "..") : folder, name);
      if (UPDATE) writeFileSync(path, contents, { mode });
      expect(contents.toString("utf8"), `${path} (UPDATE_GOLDEN=1 rewrites it)`).toBe(
        readFileSync(path, "utf8"),
      );
      expect(statSync(path).mode & 0o100, path).toBe(mode & 0o100);
    }
    expect([...readdirSync(folder), ...ofAll].sort()).toEqual(result.files.map((one) => one.name));
  });

  it.each(LOCKS)("%s gives a Dockerfile that every builder takes, each source by digest", async (file) => {
    const result = await golden(file);
    const text = textOf(result.files, "Dockerfile");
    const parsed = DockerfileParser.parse(text);
    const froms = parsed.getFROMs();
    const stages = froms.map((from) => from.getBuildStage());
    const sources = froms.filter((one) => !stages.includes(one.getImage()));
    expect(sources.map((from) => from.getImage())).toEqual([
      expect.stringContaining("}ghcr.io/blaxel-ai/sandbox:"),
      expect.stringContaining("}docker.io/library/"),
    ]);
    for (const from of sources)
      expect(from.getImage()).toMatch(
        /^\$\{MIRROR\}(docker\.io|ghcr\.io)\/[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/u,
      );
    expect(text).not.toMatch(/<<|RUN --mount|COPY --(?:link|chmod)|^ADD |^USER /mu);
    const last = text.slice(text.lastIndexOf("\nFROM "));
    expect(text).toMatch(/^COPY --from=sandbox-api \/sandbox-api \/mesa-entrypoint \/usr\/local\/bin\/$/mu);
    expect(last).not.toMatch(/curl|dpkg/u);
    expect(text).not.toMatch(/apk add[^\n]*(libc6-compat|\bmesa\b)/u);
    expect(text).toContain(result.lock.deb.sha256);
  });

  it.each(LOCKS)(
    "%s gives a Dockerfile that a person reads once: short, and no long lines of shell",
    async (file) => {
      const { files } = await golden(file);
      const lines = textOf(files, "Dockerfile").split("\n");
      expect(lines.filter((line) => line !== "").length).toBeLessThanOrEqual(40);
      expect(lines.filter((line) => line.length > 140 && !/sha256:|https:/u.test(line))).toEqual([]);
    },
  );

  it.each(["https://snapshot.debian.org/archive/debian", "http://mirror.example.com/debian/"])(
    "take the distribution's packages from %s as of a moment, when a snapshot is pinned",
    async (url) => {
      const { files } = await rendered("debian/0.20.0/lock.json", {
        snapshot: { url, at: "20260401T000000Z" },
      });
      const text = textOf(files, "Dockerfile");
      const http = url.replace(/^https:/u, "http:").replace(/\/$/u, "");
      expect(text).toContain(`${http}/20260401T000000Z $VERSION_CODENAME main" > /tmp/snapshot.list`);
      expect(text).toContain("ARG APT_CONFIG=/tmp/snapshot.conf");
      expect(textOf((await golden("debian/0.20.0/lock.json")).files, "Dockerfile")).not.toContain("snapshot");
    },
  );
});
