import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseLock, sealed, writeLock } from "../../../src/lock/index";
import { loadTemplate, renderTemplate, writeRendered } from "../../../src/render/index";
import { testFilesOf } from "../../../src/release/proof/test-files";
import { checksDigest } from "../../../src/smoke/checks-digest";
import { canonicalJson } from "../../../src/support/text/canonical-json";
import { entryOf, manifestOf } from "../manifest/fixture";
import { REPOSITORY, workFolder } from "./fixture/built";
import type { Ran } from "./fixture/program";
import { runMain } from "./fixture/run-main";

describe("matrix", () => {
  const { folder: root, remove } = workFolder("matrix");
  afterAll(remove);
  cpSync(join(REPOSITORY, "templates"), join(root, "templates"), { recursive: true });

  const matrix = (...args: readonly string[]): Promise<Ran> => runMain(["matrix", "--root", root, ...args]);

  it("is empty, and fine, where nothing is locked", async () => {
    expect(await matrix("--json")).toMatchObject({ code: 0, stdout: '{"include":[]}\n' });
    expect(await matrix()).toMatchObject({ code: 0, stdout: "Nothing to release.\n" });
  });

  it("is templates × versions, each pair once, where versions are named", async () => {
    const { code, stdout: out } = await matrix(
      ...["0.20.0", "0.26.0", "0.20.0", "--json", "--template", "debian,alpine,debian"],
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      include: ["debian", "alpine"].flatMap((template) =>
        ["0.20.0", "0.26.0"].map((version) => ({ template, version })),
      ),
    });
  });

  it("leaves out what is verified with what template and lock give now", async () => {
    for (const version of ["0.20.0", "0.26.0"]) {
      const folder = join(root, "dockerfiles/debian", version);
      mkdirSync(folder, { recursive: true });
      const golden = join(REPOSITORY, `test/golden/debian/${version}/lock.json`);
      await writeLock(join(folder, "lock.json"), sealed(parseLock(readFileSync(golden, "utf8"), golden)));
    }
    const lockFile = join(root, "dockerfiles/debian/0.20.0/lock.json");
    const lock = parseLock(readFileSync(lockFile, "utf8"), lockFile);
    const rendered = renderTemplate(await loadTemplate(root, "debian"), lock);
    await writeRendered(root, rendered);
    const { inputsDigest } = rendered;
    const entry = entryOf("debian", "0.20.0");
    const digest = await checksDigest({ ...testFilesOf(root, "debian", { checks: [], structureTests: [] }) });
    const [deployment] = Object.values(entry.deployments);
    const verification = deployment?.verification ?? null;
    if (deployment === undefined || verification === null) throw new Error("the fixture is not verified");
    const verified = {
      ...entry,
      inputsDigest,
      smoke: { ...entry.smoke, inputsDigest, checksDigest: digest },
      deployments: { ws: { ...deployment, verification: { ...verification, checksDigest: digest } } },
    };
    writeFileSync(join(root, "dockerfiles/manifest.json"), canonicalJson(manifestOf(verified)));
    const versions = async (...args: string[]): Promise<unknown> => {
      const { stdout: out } = await matrix("--json", "--template", "debian", ...args);
      return (JSON.parse(out) as { include: { version: string }[] }).include.map(({ version }) => version);
    };
    expect(await versions()).toEqual(["0.26.0"]);
    expect(await versions("--all")).toEqual(["0.26.0", "0.20.0"]);
    expect(await versions("0.20.0")).toEqual(["0.20.0"]);
    expect(await versions("0.20.0", "--needed")).toEqual([]);
    const toml = join(root, "templates/debian/Dockerfile.hbs");
    writeFileSync(toml, `${readFileSync(toml, "utf8")}\n# edited\n`);
    expect(await versions()).toEqual(["0.26.0", "0.20.0"]);
  });

  it("refuses a version that is not valid", async () => {
    expect((await matrix("latest", "--json")).code).toBe(2);
  });
});
