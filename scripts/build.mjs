// Bundles the program: a small entry file, and parts beside it that are loaded only when a command needs them.
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));

// Heavy packages stay packages: they are loaded from node_modules by the commands that use them.
const HEAVY = [
  "@blaxel/core",
  "@cyclonedx/cyclonedx-library",
  "dockerode",
  "execa",
  "handlebars",
  "listr2",
  "openpgp",
  "re2js",
  "tar-stream",
  "xz-decompress",
];

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: { "mesa-template": "src/cli/mesa-template.ts", index: "src/index.ts" },
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  chunkNames: "parts/[name]-[hash]",
  external: HEAVY,
  loader: { ".hbs": "text" },
  define: { __MESA_TEMPLATE_VERSION__: JSON.stringify(version) },
  banner: {
    js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
  },
  logLevel: "warning",
});
chmodSync("dist/mesa-template.js", 0o755);
const help = execFileSync(process.execPath, ["dist/mesa-template.js", "--help"], {
  encoding: "utf8",
  env: { ...process.env, COLUMNS: "100" },
});
writeFileSync("dist/help.txt", help);
