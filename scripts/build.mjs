// Bundles the program: a small entry file, and parts beside it that are loaded only when a command needs them.
// node scripts/build.mjs [FOLDER]: what is there stays in use until all of the new one is made.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { build } from "esbuild";
import { generatedFiles } from "./generated.mjs";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const target = resolve(process.argv[2] ?? "dist");
const out = join(dirname(target), `.building-${process.pid}`);

// Heavy packages stay packages: they are loaded from node_modules by the commands that use them.
const HEAVY = [
  "@blaxel/core",
  "@cyclonedx/cyclonedx-library",
  "@mesadev/sdk",
  "handlebars",
  "openpgp",
  "packageurl-js",
  "re2js",
  "xz-decompress",
];

// Of dockerode two parts are never reached, and load what takes longer than all the rest of it: ssh2 (an engine behind ssh is reached
// through the ssh program, src/docker/ssh-agent.ts) and gRPC (for a build with a session, src/docker/images.ts).
const NEVER_REACHED = /\/(?:docker-modem\/lib\/ssh|dockerode\/lib\/session)\.js$/;
const leftOut = {
  name: "left-out",
  setup({ onLoad }) {
    onLoad({ filter: NEVER_REACHED }, ({ path }) => ({
      contents: `module.exports = () => { throw new Error(${JSON.stringify(basename(path))} + " is left out of this bundle") };`,
    }));
  },
};

// The program brings @blaxel/core along, because finding and reading its hundreds of files takes longer than what they are for; the
// library does not, because who uses it has settings in a @blaxel/core of their own.
const ENTRIES = [
  {
    entryPoints: { "mesa-template": "src/cli/mesa-template.ts" },
    external: HEAVY.filter((name) => name !== "@blaxel/core"),
  },
  { entryPoints: { index: "src/index.ts" }, external: HEAVY },
];

async function bundle({ entryPoints, external }) {
  await build({
    entryPoints,
    outdir: out,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: true,
    chunkNames: "parts/[name]-[hash]",
    external,
    plugins: [leftOut],
    loader: { ".hbs": "text" },
    // ws asks for two optional packages, and takes what it gets for them.
    define: {
      "process.env.WS_NO_BUFFER_UTIL": '"1"',
      "process.env.WS_NO_UTF_8_VALIDATE": '"1"',
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
