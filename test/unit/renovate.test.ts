import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Ajv } from "ajv";
import { RE2JS } from "re2js";
import { describe, expect, it } from "vitest";
import { loadUpstream } from "../../src/lock/index";

const REPOSITORY = resolve(import.meta.dirname, "../..");
/** Renovate's major version whose configuration the preset is written in. */
const RENOVATE = "44";

interface CustomManager {
  readonly managerFilePatterns: readonly string[];
  readonly matchStrings: readonly string[];
  readonly depNameTemplate?: string;
  readonly datasourceTemplate: string;
  readonly registryUrlTemplate?: string;
}

const preset = JSON.parse(readFileSync(join(REPOSITORY, "renovate.json"), "utf8")) as {
  readonly customManagers: readonly CustomManager[];
};

/** What a preset finds in a file, by the regular expressions as Renovate runs them: RE2, flag g. */
function found(path: string, text: string): readonly Readonly<Record<string, string | undefined>>[] {
  return preset.customManagers
    .filter(({ managerFilePatterns }) =>
      managerFilePatterns.some((pattern) => RE2JS.compile(pattern.slice(1, -1)).matcher(path).find()),
    )
    .flatMap(({ matchStrings, depNameTemplate, datasourceTemplate }) =>
      matchStrings.flatMap((expression) => {
        const matcher = RE2JS.compile(expression).matcher(text);
        const matches = [];
        while (matcher.find())
          matches.push({
            datasource: datasourceTemplate,
            depName: depNameTemplate ?? matcher.group("depName") ?? undefined,
            currentValue: matcher.group("currentValue") ?? undefined,
          });
        return matches;
      }),
    );
}

function inRepository(path: string): ReturnType<typeof found> {
  return found(path, readFileSync(join(REPOSITORY, path), "utf8"));
}

describe("the Renovate preset", () => {
  it("finds Mesa's version, from the repository that upstream.toml names", async () => {
    expect(found(".mesa-version", "0.20.0\n")).toEqual([
      { datasource: "deb", depName: "mesa", currentValue: "0.20.0" },
    ]);
    const { mesa } = await loadUpstream(join(REPOSITORY, "templates/upstream.toml"));
    const url = preset.customManagers.flatMap(({ registryUrlTemplate }) => registryUrlTemplate ?? []);
    expect(url).toEqual([
      `${mesa.repository}?suite=${mesa.suite}&components=${mesa.component}&binaryArch=amd64`,
    ]);
  });

  it("finds sandbox-api and the base images in this repository's own files, and nothing else", () => {
    const upstream = readFileSync(join(REPOSITORY, "templates/upstream.toml"), "utf8");
    const tag = /sandbox:([\d.]+)"/u.exec(upstream)?.[1];
    expect(inRepository("templates/upstream.toml")).toEqual([
      { datasource: "docker", depName: "ghcr.io/blaxel-ai/sandbox", currentValue: tag },
    ]);
    expect(
      ["debian", "alpine"].flatMap((template) => inRepository(`templates/${template}/template.toml`)),
    ).toEqual([
      { datasource: "docker", depName: "docker.io/library/debian", currentValue: "bookworm-slim" },
      {
        datasource: "docker",
        depName: "docker.io/library/alpine",
        currentValue: expect.stringMatching(/^\d+\.\d+$/u) as string,
      },
    ]);
    expect(found("templates/debian/Dockerfile.hbs", 'image = "debian:12"')).toEqual([]);
  });

  it("is what Renovate's own schema takes", { timeout: 120_000 }, ({ skip }) => {
    const schema = renovateSchema();
    if (schema === undefined) skip("npm hands out no renovate package here");
    const ajv = new Ajv({ strict: false, validateFormats: false });
    const validate = ajv.compile(schema as object);
    expect(validate(preset), JSON.stringify(validate.errors)).toBe(true);
    const wrong = preset.customManagers.map((manager) => ({ ...manager, customType: "regular" }));
    expect(validate({ ...preset, customManagers: wrong })).toBe(false);
    expect(validate({ ...preset, ignorePaths: "dockerfiles" })).toBe(false);
  });
});

/** Renovate's schema out of its npm package (3 MB, kept below .test-work); undefined where it cannot be had. */
function renovateSchema(): unknown {
  const folder = join(REPOSITORY, ".test-work/renovate", RENOVATE);
  const file = join(folder, "package/renovate-schema.json");
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    const run = (command: string, ...args: readonly string[]): string =>
      execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: "pipe", timeout: 90_000 }).trim();
    let archive: string;
    try {
      archive = run("npm", "pack", `renovate@${RENOVATE}`, "--silent", "--engine-strict=false");
    } catch {
      return undefined;
    }
    run("tar", "-xzf", archive.split("\n").at(-1) ?? "", "package/renovate-schema.json");
  }
  return JSON.parse(readFileSync(file, "utf8"));
}
