import { chmod, mkdir, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import type { WorldConfig } from "../config";

/** Puts `bl` into the world's bin folder: the stand-in, bundled into one file, or a link to WORLD_BL. */
export async function installBl(config: WorldConfig): Promise<void> {
  const bin = join(config.dir, "bin");
  const path = join(bin, "bl");
  await mkdir(bin, { recursive: true });
  await rm(path, { force: true });
  if (config.swaps.bl !== undefined) {
    await symlink(resolve(config.swaps.bl), path);
    return;
  }
  await build({
    entryPoints: [join(config.source, "bl/main.ts")],
    outfile: path,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    banner: {
      js: `#!${process.execPath}\nimport{createRequire as __r}from"node:module";const require=__r(import.meta.url);`,
    },
    logLevel: "error",
    allowOverwrite: true,
  });
  await chmod(path, 0o755);
}
