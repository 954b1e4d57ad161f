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

/** Every object in the sources that has a code in capitals and a kind. */
function errorsOf(source: string): readonly ErrorShown[] {
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .flatMap((name) => {
      const file = ts.createSourceFile(
        name,
        readFileSync(join(source, name), "utf8"),
        ts.ScriptTarget.Latest,
        true,
      );
      const found: ErrorShown[] = [];
      const visit = (node: ts.Node): void => {
        if (ts.isObjectLiteralExpression(node)) found.push(...errorOf(node));
        ts.forEachChild(node, visit);
      };
      visit(file);
      return found;
    });
}

function errorOf(node: ts.ObjectLiteralExpression): readonly ErrorShown[] {
  const values = new Map(
    node.properties.flatMap((property) =>
      ts.isPropertyAssignment(property) && ts.isIdentifier(property.name)
        ? [[property.name.text, property.initializer] as const]
        : [],
    ),
  );
  const kind = textOf(values.get("kind"));
  const codes = literalsOf(values.get("code")).filter(
    (code) => /^[A-Z][A-Z0-9_]+$/u.test(code) && code !== "USAGE",
  );
  if (!(kind in ABOUT)) return [];
  const messages = values.has("message") ? literalsOf(values.get("message")) : [""];
  const hint = textOf(values.get("hint"));
  return codes.flatMap((code) =>
    messages.map((message) => ({ code, kind: kind as FailureKind, message, hint })),
  );
}

/** The texts an expression may be: both sides of a condition. */
function literalsOf(node: ts.Expression | undefined): readonly string[] {
  if (node === undefined) return [];
  if (ts.isConditionalExpression(node)) return [...literalsOf(node.whenTrue), ...literalsOf(node.whenFalse)];
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
  return "…";
}
