// Writes the type declarations of what the package exports: node scripts/types.mjs [FOLDER] (default dist/types).
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import ts from "typescript";

const out = resolve(process.argv[2] ?? "dist/types");
const { config } = ts.readConfigFile("tsconfig.json", ts.sys.readFile);
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, process.cwd());

const program = ts.createProgram(["src/index.ts"], {
  ...options,
  noEmit: false,
  declaration: true,
  emitDeclarationOnly: true,
  outDir: out,
  rootDir: "src",
});
const { diagnostics } = program.emit();
if (diagnostics.length > 0) {
  process.stderr.write(ts.formatDiagnostics(diagnostics, ts.createCompilerHost(options)));
  process.exit(1);
}

/** Node's own resolution (moduleResolution node16) wants full file names; the sources, which are bundled, have none. */
function withExtension(file, specifier) {
  const path = join(dirname(file), specifier);
  return existsSync(`${path}.d.ts`) ? `${specifier}.js` : `${specifier}/index.js`;
}

for (const name of readdirSync(out, { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const file = join(out, name);
  const text = readFileSync(file, "utf8");
  writeFileSync(
    file,
    text.replace(
      /(from |import\()"(\.[^"]+)"/gu,
      (_, before, specifier) => `${before}"${withExtension(file, specifier)}"`,
    ),
  );
}
