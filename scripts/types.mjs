// Writes the type declarations of what the package exports: node scripts/types.mjs [FOLDER] (default dist/types).
// They name no package that a consumer may lack: a type that is inferred from a zod schema is written out, and the schemas are left out.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
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
const checker = program.getTypeChecker();
const texts = new Map();
const { diagnostics } = program.emit(undefined, (path, text) => texts.set(path, text));
if (diagnostics.length > 0) {
  process.stderr.write(ts.formatDiagnostics(diagnostics, ts.createCompilerHost(options)));
  process.exit(1);
}

const { NoTruncation, InTypeAlias } = ts.TypeFormatFlags;

/** What the aliases of a source file stand for, by name. */
function writtenOut(path) {
  const source = program.getSourceFile(join("src", relative(out, path)).replace(/\.d\.ts$/u, ".ts"));
  const aliases = source.statements.filter(ts.isTypeAliasDeclaration);
  const written = (node) =>
    checker.typeToString(checker.getTypeAtLocation(node), node, NoTruncation | InTypeAlias);
  return new Map(aliases.map((node) => [node.name.text, written(node)]));
}

/** A file's declarations without zod. */
function withoutZod(path, text) {
  if (!text.includes('"zod/mini"')) return text;
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const aliases = writtenOut(path);
  return file.statements
    .map((node) => {
      const whole = node.getFullText();
      if (ts.isTypeAliasDeclaration(node) && /\bz\./u.test(node.type.getText()))
        return whole.replace(node.type.getText(), aliases.get(node.name.text));
      const isSchemas = ts.isImportDeclaration(node)
        ? node.moduleSpecifier.text === "zod/mini"
        : ts.isVariableStatement(node) && /\bz\./u.test(node.getText());
      return isSchemas ? "" : whole;
    })
    .join("");
}

/** The file that an import of ours means. */
function fileOf(path, specifier) {
  const found = join(dirname(path), specifier);
  return [`${found}.d.ts`, join(found, "index.d.ts")].find((one) => texts.has(one));
}

/** Writes a file and what it imports. Node's own resolution (moduleResolution node16) wants full file names; the sources have none. */
function write(path, written) {
  if (written.has(path)) return;
  written.add(path);
  const text = withoutZod(path, texts.get(path)).replace(
    /(from |import\()"(\.[^"]+)"/gu,
    (_, before, specifier) => {
      const file = fileOf(path, specifier);
      write(file, written);
      const to = relative(dirname(path), file).replace(/\.d\.ts$/u, ".js");
      return `${before}"${to.startsWith(".") ? to : `./${to}`}"`;
    },
  );
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

rmSync(out, { recursive: true, force: true });
write(join(out, "index.d.ts"), new Set());
