import { beforeAll, describe, expect, it } from "vitest";
import { connectEngine, type Engine } from "../../../src/docker/index";
import { realHost } from "./fixture-image";
import { buildLayered, holdToExport, LAYERED } from "./image-contents";
import { buildCorpusImage, imageOf, KINDS } from "./structure-corpus";

describe("what is measured from an image's layers", () => {
  const host = realHost("image-contents");
  let engine: Engine;

  beforeAll(async () => {
    engine = await connectEngine(host);
    await buildLayered(host, engine);
    for (const kind of KINDS) await buildCorpusImage(host, engine, kind);
  });

  it("is what a container has: whiteouts, emptied folders, hard links, one kind in another's place", async () => {
    const { files, distribution } = await holdToExport(host, engine, LAYERED);
    expect(files.filter(({ path }) => path.startsWith("/t/again")).map(({ path }) => path)).toEqual([
      "/t/again",
      "/t/again/new",
      "/t/again/same",
    ]);
    expect(distribution).toBe("Layered 1");
  });

  it.each(KINDS)("is what a container of a %s image has, packages too", async (kind) => {
    const { packages, files } = await holdToExport(host, engine, imageOf(kind));
    expect(packages.length).toBeGreaterThan(10);
    expect(files.length).toBeGreaterThan(300);
  });

  it("shows what is hidden too to who looks for a value", async () => {
    const id = (await engine.image(LAYERED))?.id ?? "";
    const { holding, inLayers } = await engine.readImage({ id, reference: LAYERED }, ["gone/deep/a"]);
    expect(holding).toEqual(["/t/gone/deep/a"]);
    expect(inLayers).toEqual(expect.arrayContaining(["/t/.wh.gone", "/t/hidden"]));
  });
});
