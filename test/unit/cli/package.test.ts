import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { parse } from "smol-toml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { entryOf, manifestOf } from "../manifest/fixture";
import { buildInto, REPOSITORY, workFolder } from "./fixture/built";

interface PackageFile {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}

const work = workFolder("package");
const own = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8")) as PackageFile;

function schema(name: string): ValidateFunction {
  const file = join(work.folder, `dist/schemas/${name}.schema.json`);
  return new Ajv2020({ strict: true }).compile(JSON.parse(readFileSync(file, "utf8")) as object);
}

function problems(validate: ValidateFunction, value: unknown): unknown {
  return validate(value) ? [] : validate.errors;
}

beforeAll(() => {
  for (const name of [
    "package.json",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "templates",
    "examples",
    ".github",
    "renovate.json",
  ])
    cpSync(join(REPOSITORY, name), join(work.folder, name), { recursive: true });
  buildInto(join(work.folder, "dist"));
  execFileSync(process.execPath, ["scripts/types.mjs", join(work.folder, "dist/types")], { cwd: REPOSITORY });
}, 120_000);
afterAll(work.remove);

describe("the package", () => {
  it("is made whole whenever it is packed", () => {
    expect(own.scripts["prepack"]).toBe("npm run build:package");
    expect(own.scripts["build:package"]).toBe("node scripts/build.mjs && node scripts/types.mjs");
  });

  it("holds what its exports name, the program and the templates, and no sources or tests", () => {
    const output = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: work.folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [packed] = JSON.parse(output) as [{ readonly files: readonly { readonly path: string }[] }];
    const paths = packed.files.map((file) => file.path);
    const named = Object.values(own.exports).flatMap((target) =>
      typeof target === "string" ? [target] : [target.types, target.default],
    );
    const missing = named
      .map((target) => target.replace("./", ""))
      .filter(
        (target) =>
          !paths.some((path) =>
            target.endsWith("*") ? path.startsWith(target.slice(0, -1)) : path === target,
          ),
      );
    expect(missing).toEqual([]);
    for (const path of ["dist/mesa-template.js", "templates/debian/template.toml"])
      expect(paths).toContain(path);
    expect(paths.filter((path) => /^(src|test|node_modules)\//u.test(path))).toEqual([]);
  });

  it("has types that name no package of ours", () => {
    const folder = join(work.folder, "dist/types");
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    const packages = names
      .filter((name) => name.endsWith(".d.ts"))
      .flatMap((name) => [
        ...readFileSync(join(folder, name), "utf8").matchAll(/(?:from |import\()"([^."][^"]*)"/gu),
      ])
      .map(([, specifier]) => specifier);
    expect(new Set(packages)).toEqual(new Set(["@blaxel/core", "node:crypto"]));
  });

  it("has types that a consumer with Node's own resolution can use", () => {
    const consumer = join(work.folder, "consumer.mts");
    writeFileSync(
      consumer,
      `import { resolveTemplate, Failure, type ResolvedTemplate } from "./dist/types/index.js";
const found: ResolvedTemplate = await resolveTemplate("stable", { template: "debian" });
const image: string = found.image;
// @ts-expect-error -- a misspelt option is refused, so the types are really there
await resolveTemplate("stable", { templat: "debian" });
// @ts-expect-error -- no entry holds a number there, so it is not any
const none: number = found.entry.template;
export const failed = (error: unknown): boolean => error instanceof Failure && image !== "" && none > 0;
`,
    );
    const args = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", "node"];
    execFileSync(join(REPOSITORY, "node_modules/.bin/tsc"), [...args, "--skipLibCheck", consumer], {
      cwd: work.folder,
      stdio: ["ignore", "inherit", "inherit"],
    });
    expect(existsSync(join(work.folder, "consumer.mjs"))).toBe(false);
  }, 60_000);
});

/** A team's repository with the packed package installed in it, and nothing else: no network is there. */
function installed(): string {
  const packed = execFileSync("npm", ["pack", "--json", "--ignore-scripts"], {
    cwd: work.folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ filename }] = JSON.parse(packed) as [{ readonly filename: string }];
  const team = join(work.folder, "team");
  mkdirSync(team, { recursive: true });
  const install = [
    "install",
    "--prefix",
    team,
    "--offline",
    "--no-save",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
  ];
  execFileSync("npm", [...install, join(work.folder, filename)], {
    cwd: team,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return team;
}

describe("package-lock.json", () => {
  it("has every optional package, also those for other systems, without which npm ci refuses it", () => {
    const { packages } = JSON.parse(readFileSync(join(REPOSITORY, "package-lock.json"), "utf8")) as {
      readonly packages: Readonly<
        Record<string, { readonly optionalDependencies?: object; readonly resolved?: string }>
      >;
    };
    const missing = Object.entries(packages).flatMap(([, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`)),
      ),
    );
    expect(missing).toEqual([]);
    expect(Object.values(packages).filter(({ resolved }) => resolved?.includes("://"))).toEqual([]);
  });
});

describe("a team's repository with the package installed", () => {
  it("is made by init, and its make runs the installed program", () => {
    const team = installed();
    const run = (command: string, ...args: readonly string[]): string =>
      execFileSync(command, args, { cwd: team, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    const template = (...args: readonly string[]): string =>
      run("npx", "--no-install", "mesa-template", ...args);
    expect(readdirSync(join(team, "node_modules")).filter((name) => !name.startsWith("."))).toEqual([
      "mesa-blaxel-templates",
    ]);
    expect(own.dependencies).toBeUndefined();
    const bytes = Number(run("du", "-sb", "node_modules").split("\t")[0]);
    expect(bytes / 1e6).toBeLessThan(12);
    template("init");
    // Newer than package.json: the program is installed.
    writeFileSync(join(team, "node_modules/.mesa-template-ready"), "");
    expect(run("make")).toContain("make template");
    expect(JSON.parse(readFileSync(join(team, "renovate.json"), "utf8"))).toHaveProperty("customManagers");
    expect(readFileSync(join(team, ".github/workflows/mesa-renovate.yml"), "utf8")).toContain(
      "npx --no-install mesa-template",
    );
    expect(run("make", "check")).toMatch(/manifest/iu);
    expect(JSON.parse(template("matrix", "0.20.0", "--json"))).toEqual({
      include: ["alpine", "debian"].map((name) => ({ template: name, version: "0.20.0" })),
    });
    expect(() => run("make", "template")).toThrow("Which Mesa version?");
  }, 60_000);
});

describe("the library of the package", () => {
  it("prints the sentence of an uncaught Failure, and no bundled line as long as a file", () => {
    const program = join(work.folder, "team/uncaught.mjs");
    writeFileSync(
      program,
      'import { resolveTemplate } from "mesa-blaxel-templates";\nawait resolveTemplate("stable", { template: "debian" });\n',
    );
    const { status, stderr } = spawnSync(process.execPath, [program], { cwd: work.folder, encoding: "utf8" });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^Failure: dockerfiles\/manifest\.json cannot be read/mu);
    expect(Math.max(...stderr.split("\n").map((line) => line.length))).toBeLessThan(300);
  });
});

describe("the schemas", () => {
  it("take a manifest, and say where one is wrong", () => {
    const validate = schema("manifest");
    const manifest = manifestOf(entryOf("debian", "0.20.0"));
    expect(problems(validate, manifest)).toEqual([]);
    expect(problems(validate, { ...manifest, versions: { "debian@0.20.0-1": { id: 1 } } })).not.toEqual([]);
    const committed = readFileSync(join(REPOSITORY, "dockerfiles/manifest.json"), "utf8");
    expect(problems(validate, JSON.parse(committed))).toEqual([]);
  });

  it("take every lock there is, and no lock with a changed digest's form", () => {
    const validate = schema("lock");
    const folder = join(REPOSITORY, "test/golden");
    const locks = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith("/lock.json"))
      .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as { deb: object });
    expect(locks.length).toBeGreaterThan(5);
    for (const lock of locks) expect(problems(validate, lock)).toEqual([]);
    const [lock] = locks;
    expect(problems(validate, { ...lock, deb: { ...lock?.deb, sha256: "abc" } })).not.toEqual([]);
    expect(problems(validate, { ...lock, extra: 1 })).not.toEqual([]);
  });

  it("take the templates' settings, and no key that is misspelt", () => {
    const validate = schema("template");
    for (const name of ["debian", "alpine"]) {
      const file = join(REPOSITORY, "templates", name, "template.toml");
      const settings = parse(readFileSync(file, "utf8"));
      expect(problems(validate, settings)).toEqual([]);
      expect(problems(validate, { ...settings, instal: "apt" })).not.toEqual([]);
    }
  });
});
