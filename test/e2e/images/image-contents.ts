import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Engine } from "../../../src/docker/index";
import { measureImage, type MeasuredImage } from "../../../src/record/measure-image";
import type { Host } from "../../../src/support/host";
import { exportedImage } from "./exported-image";
import { buildFixture } from "./fixture-image";
import { pullBase } from "./structure-corpus";

export const LAYERED = "image-contents:layered";

/** An image whose layers do to each other all that layers can do. */
export async function buildLayered(host: Host, engine: Engine): Promise<void> {
  const dockerfile = readFileSync(join(import.meta.dirname, "Dockerfile.layered"), "utf8");
  const base = await pullBase(engine, "Alpine-like");
  await buildFixture(host, engine, LAYERED, dockerfile, { buildArgs: { BASE: base } });
}

/** Holds what is measured from an image's layers to what the engine makes of them in a container. */
export async function holdToExport(host: Host, engine: Engine, reference: string): Promise<MeasuredImage> {
  const id = (await engine.image(reference))?.id ?? "";
  const measured = await measureImage(engine, { id, reference });
  const files = Object.fromEntries(measured.files.map(({ path, ...rest }) => [path, rest]));
  expect(files).toEqual(Object.fromEntries(await exportedImage(engine, reference)));
  return measured;
}
