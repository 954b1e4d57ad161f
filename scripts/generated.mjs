// What the build makes from the program's own sources: JSON Schemas for editors.
import { build } from "esbuild";

/** A TypeScript module's exports. What it would load later (a command's handler) is left out. */
async function load(path) {
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    external: ["../handlers/*"],
    logLevel: "warning",
  });
  const [{ contents }] = outputFiles;
  return import(`data:text/javascript;base64,${Buffer.from(contents).toString("base64")}`);
}

/** The text of each generated file, by its path below dist. */
export async function generatedFiles() {
  const { jsonSchemas } = await load("src/cli/json-schemas.ts");
  return Object.fromEntries(
    Object.entries(jsonSchemas()).map(([name, schema]) => [
      `schemas/${name}.schema.json`,
      `${JSON.stringify(schema, null, 2)}\n`,
    ]),
  );
}
