import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { EXIT_CODES, type FailureKind } from "../../src/support/errors";
import { MADE, table } from "./markdown";

interface ErrorShown {
  readonly code: string;
  readonly kind: FailureKind;
  readonly message: string;
  readonly hint: string;
}

const ABOUT: Readonly<Record<FailureKind, string>> = {
  internal: "A fault of this program, or the command in a sandbox failed",
  usage: "Wrong usage or configuration",
  environment: "The environment: engine, `bl`, credentials, network",
  upstream: "An upstream input does not verify or does not exist",
  build: "The build failed",
  smoke: "Smoke failed",
  deploy: "Deployment or verification failed",
  manifest: "The manifest cannot be read or written, or has a conflict",
  drift: "A difference was found",
  interrupted: "Interrupted",
};

/** docs/troubleshooting.md: every error code of the sources with its exit code, message and hint. */
export function troubleshootingPage(source: string): string {
  const found = errorsOf(source);
  const kinds = Object.keys(ABOUT) as FailureKind[];
  return [
    MADE,
    "# Troubleshooting",
    "An error tells what failed, why (with the last lines of the other program) and what to do. With `--json` it is the `error` of the document: `code`, `message`, `hint`, `cause`, `log`. The exit code says which kind it is. In the tables, `…` stands for a value that the message contains. Logs of the last runs are in `.mesa-template/logs/`.",
    "First, run `mesa-template doctor`: it checks the engine, FUSE, `bl`, the credentials, the upstreams and the disk, and tells what to do.",
    "Behind a proxy, run Node 24 (or 22.21) or newer with `NODE_USE_ENV_PROXY=1`: it then uses `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, which Node ignores otherwise. `NO_PROXY` must name `127.0.0.1` and an engine's machine, because smoke requests its containers' ports. If the proxy or a mirror has a certificate authority of its own, set `NODE_EXTRA_CA_CERTS` to its PEM file. The engine has a proxy setting and certificates of its own; builds get the proxies of Docker's `config.json` (`proxies`), as from the `docker` command.",
    ...kinds.flatMap((kind) => {
      const rows = found.filter((one) => one.kind === kind);
      if (rows.length === 0) return [];
      return [
        `## ${ABOUT[kind]} (exit ${String(EXIT_CODES[kind])})`,
        table(["code", "message", "what to do"], grouped(rows)),
      ];
    }),
  ].join("\n\n");
}

function grouped(errors: readonly ErrorShown[]): readonly (readonly string[])[] {
  const codes = [...new Set(errors.map(({ code }) => code))].sort();
  return codes.map((code) => {
    const all = errors.filter((one) => one.code === code);
    const join = (texts: readonly string[]): string =>
      [...new Set(texts.filter((text) => /\p{L}{2}/u.test(text)))].slice(0, 3).join("<br>") || "–";
    return [`\`${code}\``, join(all.map(({ message }) => message)), join(all.map(({ hint }) => hint))];
  });
}

/** A function that makes a failure with the code it is given: the failure's kind, and the names of the parameters. */
interface Maker {
  readonly kind: FailureKind;
  readonly parameters: readonly string[];
}

/** Every code in the sources: of failures, of what makes failures, and of tables from which a failure takes its code. */
function errorsOf(source: string): readonly ErrorShown[] {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => [name, readFileSync(join(source, name), "utf8")] as const)
    .filter(([, text]) => /\bcode\b|"[A-Z]+_[A-Z_]+"/u.test(text))
    .map(([name, text]) => ts.createSourceFile(name, text, ts.ScriptTarget.Latest));
  const makers = new Map(files.flatMap((file) => nodesOf(file).flatMap(makerOf)));
  return files.flatMap((file) => errorsOfFile(file, makers));
}

function nodesOf(node: ts.Node): readonly ts.Node[] {
  const found: ts.Node[] = [];
  const visit = (inner: ts.Node): void => {
    found.push(inner);
    ts.forEachChild(inner, visit);
  };
  visit(node);
  return found;
}

function errorsOfFile(file: ts.SourceFile, makers: ReadonlyMap<string, Maker>): readonly ErrorShown[] {
  const nodes = nodesOf(file);
  const constants = new Map(
    nodes.filter(ts.isVariableDeclaration).map(({ name, initializer }) => [idOf(name), initializer]),
  );
  const text = (node: ts.Expression | undefined): string =>
    textOf(node !== undefined && ts.isIdentifier(node) ? (constants.get(node.text) ?? node) : node);
  const objects = nodes.filter(ts.isObjectLiteralExpression).map((object) => fieldsOf(object));
  const failures = objects.flatMap((fields) => {
    const kind = textOf(fields.get("kind"));
    return kind in ABOUT ? [{ kind: kind as FailureKind, fields }] : [];
  });
  const [taking, ...others] = failures.filter(({ fields }) => literalsOf(fields.get("code")).includes("…"));
  return [
    ...failures.flatMap(({ kind, fields }) =>
      codesOf(fields.get("code")).flatMap((code) =>
        (fields.has("message") ? literalsOf(fields.get("message")) : [""]).map((message) => ({
          code,
          kind,
          message,
          hint: text(fields.get("hint")),
        })),
      ),
    ),
    ...objects.flatMap((fields) =>
      taking === undefined || others.length > 0 || fields.has("kind")
        ? []
        : codesOf(fields.get("code")).map((code) => ({
            code,
            kind: taking.kind,
            hint: text(fields.get("hint")),
            message: text(fields.get("what") ?? taking.fields.get("message")),
          })),
    ),
    ...nodes.filter(ts.isCallExpression).flatMap((call) => {
      const maker = makers.get(idOf(call.expression));
      const given = (name: string): ts.Expression | undefined =>
        call.arguments[maker?.parameters.indexOf(name) ?? -1];
      if (maker === undefined) return [];
      return codesOf(given("code")).map((code) => ({
        code,
        kind: maker.kind,
        message: text(given("message")),
        hint: text(given("hint")),
      }));
    }),
  ];
}

function makerOf(node: ts.Node): readonly (readonly [string, Maker])[] {
  const made = ts.isVariableDeclaration(node) ? node.initializer : node;
  if (made === undefined || !(ts.isFunctionDeclaration(made) || ts.isArrowFunction(made))) return [];
  const name = ts.isVariableDeclaration(node)
    ? idOf(node.name)
    : ts.isFunctionDeclaration(node)
      ? node.name?.text
      : undefined;
  const parameters = made.parameters.map((parameter) => idOf(parameter.name));
  if (name === undefined || !parameters.includes("code")) return [];
  return nodesOf(made)
    .filter(ts.isObjectLiteralExpression)
    .map((object) => textOf(fieldsOf(object).get("kind")))
    .filter((kind) => kind in ABOUT)
    .map((kind) => [name, { kind: kind as FailureKind, parameters }] as const);
}

const idOf = (node: ts.Node): string => (ts.isIdentifier(node) ? node.text : "");

function fieldsOf(object: ts.ObjectLiteralExpression): ReadonlyMap<string, ts.Expression> {
  return new Map(
    object.properties.flatMap((property) =>
      ts.isPropertyAssignment(property) && ts.isIdentifier(property.name)
        ? [[property.name.text, property.initializer] as const]
        : [],
    ),
  );
}

function codesOf(node: ts.Expression | undefined): readonly string[] {
  return literalsOf(node).filter((code) => /^[A-Z][A-Z0-9_]+$/u.test(code) && code !== "USAGE");
}

/** The texts an expression may be: both sides of a condition or of `??`. */
function literalsOf(node: ts.Expression | undefined): readonly string[] {
  if (node === undefined) return [];
  if (ts.isConditionalExpression(node)) return [...literalsOf(node.whenTrue), ...literalsOf(node.whenFalse)];
  if (ts.isBinaryExpression(node)) return [...literalsOf(node.left), ...literalsOf(node.right)];
  return [textOf(node)];
}

/** A text with … for what is only known when it is written. */
function textOf(node: ts.Expression | undefined): string {
  if (node === undefined) return "";
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node))
    return (node.head.text + node.templateSpans.map((span) => `…${span.literal.text}`).join("")).replaceAll(
      /…+/gu,
      "…",
    );
  if (ts.isConditionalExpression(node)) return textOf(node.whenTrue);
  if (ts.isBinaryExpression(node)) return textOf(node.right);
  return "…";
}
