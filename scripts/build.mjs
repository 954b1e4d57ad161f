// Bundles the program: a small entry file, and parts beside it that are loaded only when a command needs them.
// node scripts/build.mjs [FOLDER]: the existing files stay in use until the new ones are complete.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { build } from "esbuild";
import { generatedFiles } from "./generated.mjs";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const target = resolve(process.argv[2] ?? "dist");
const out = join(dirname(target), `.building-${process.pid}`);

// Parts of packages that are never used, and that load large or slow code: of dockerode ssh2 (an engine behind ssh is
// reached through the ssh program, src/docker/connection/ssh-agent.ts) and gRPC (for a build with a session, src/docker/images.ts); of CycloneDX
// what writes XML and validates; of @blaxel/core its tools for models and its images made in code, with which all of zod comes along.
// Of each start would be part: zod's messages in fifty languages; of yargs/helpers what its parser does not need; the source maps of
// Handlebars, which it does without (compiler/code-gen.js).
const LEFT_OUT = [
  {
    filter: /\/(?:docker-modem\/lib\/ssh|dockerode\/lib\/session)\.js$/,
    contents: (left) => `module.exports = () => { ${left} };`,
  },
  {
    filter: /\/@cyclonedx\/cyclonedx-library\/dist\.node\/_optPlug\.node\/__(?:xml|json)\w+\/\w+\.js$/,
    contents: (left) => left,
  },
  {
    filter: /\/zod\/v4\/locales\/index\.js$/,
    contents: () => 'export { default as en } from "./en.js";',
  },
  { filter: /\/yargs\/lib\/platform-shims\/esm\.mjs$/, contents: () => "export default {};" },
  { filter: /\/source-map\/source-map\.js$/, contents: (left) => left },
  { filter: /\/@blaxel\/core\/dist\/esm\/(?:image|mcp|tools)\/index\.js$/, contents: () => "export {};" },
];
const leftOut = {
  name: "left-out",
  setup({ onLoad }) {
    for (const { filter, contents } of LEFT_OUT)
      onLoad({ filter }, ({ path }) => ({
        contents: contents(
          `throw new Error(${JSON.stringify(basename(path))} + " is left out of this bundle");`,
        ),
      }));
  },
};

// All packages are part of the bundle, so that nothing is installed beside it and a start reads few files. Only the library leaves
// @blaxel/core out: its users have settings in their own @blaxel/core. In the program it must not read ./.env and ./blaxel.toml:
// a stray file beside the templates would decide which API is used.
const environmentAlone = {
  name: "environment-alone",
  setup({ onLoad }) {
    onLoad({ filter: /\/@blaxel\/core\/dist\/esm\/common\/env\.js$/ }, () => ({
      contents: "export const env = process.env;",
    }));
  },
};
const ENTRIES = [
  {
    entryPoints: { "mesa-template": "src/cli/mesa-template.ts" },
    external: [],
    minifyWhitespace: true,
    plugins: [environmentAlone],
  },
  {
    entryPoints: { index: "src/index.ts" },
    external: ["@blaxel/core"],
    minifyWhitespace: false,
    plugins: [],
  },
];

async function bundle({ entryPoints, external, minifyWhitespace, plugins }) {
  await build({
    entryPoints,
    outdir: out,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    minifySyntax: true,
    minifyWhitespace,
    keepNames: true,
    chunkNames: "parts/[name]-[hash]",
    external,
    plugins: [leftOut, ...plugins],
    loader: { ".hbs": "text" },
    // ws requires two optional packages, and accepts anything in their place.
    define: {
      "process.env.WS_NO_BUFFER_UTIL": '"1"',
      "process.env.WS_NO_UTF_8_VALIDATE": '"1"',
      // Named by CycloneDX, for schemas that are not used.
      __dirname: "import.meta.dirname",
      __MESA_TEMPLATE_VERSION__: JSON.stringify(version),
    },
    // What bundled CommonJS packages still require is Node's own.
    banner: { js: "const require=process.getBuiltinModule;" },
    logLevel: "warning",
  });
}

/** What is made from the program's own data. */
async function generate() {
  for (const [path, text] of Object.entries(await generatedFiles())) {
    mkdirSync(dirname(join(out, path)), { recursive: true });
    writeFileSync(join(out, path), text);
  }
}

try {
  await Promise.all([...ENTRIES.map(bundle), generate()]);
  chmodSync(join(out, "mesa-template.js"), 0o755);
  const help = execFileSync(process.execPath, [join(out, "mesa-template.js"), "--help"], {
    encoding: "utf8",
    env: { ...process.env, COLUMNS: "100" },
  });
  writeFileSync(join(out, "help.txt"), help);
  if (existsSync(target)) renameSync(target, `${out}-old`);
  renameSync(out, target);
} finally {
  rmSync(out, { recursive: true, force: true });
  rmSync(`${out}-old`, { recursive: true, force: true });
}
