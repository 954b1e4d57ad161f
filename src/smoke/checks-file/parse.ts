import { isMap, isScalar, LineCounter, parseDocument, visit, type Document, type Tags } from "yaml";
import type * as z from "zod/mini";
import { valueAt } from "../../support/text/parsed-json";
import { Failure, messageOf } from "../../support/errors";
import { readIfPresent } from "../../support/files/files";
import { missingTestFile } from "../checks-digest";
import { CHECK_FORMS, checksFileSchema, type CheckEntry } from "./schema";

/** A check file after reading. */
export interface ChecksFile {
  /** As given by the user. */
  readonly path: string;
  /** Its checks and their first lines. */
  readonly entries: readonly { readonly entry: CheckEntry; readonly line: number }[];
}

type Path = readonly PropertyKey[];

/** Throws, with what is wrong at a path of the file. */
type Refuse = (path: Path, what: string) => never;

const KINDS = Object.keys(CHECK_FORMS) as (keyof typeof CHECK_FORMS)[];

/** Line (from 1) of a path or its nearest existing parent. Finds unknown keys too. */
function lineAt(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const above = length === 0 ? undefined : document.getIn(path.slice(0, length - 1), true);
    const key =
      isMap(above) && length > 0
        ? above.items.find(({ key: one }) => isScalar(one) && one.value === path[length - 1])?.key
        : undefined;
    const node = (key ?? document.getIn(path.slice(0, length), true)) as
      { readonly range?: readonly number[] | null } | undefined;
    const start = node?.range?.[0];
    if (start !== undefined) return lines.linePos(start).line;
  }
  return 1;
}

/** A path in readable form: checks[2].http.port. */
function nameOf(path: Path): string {
  return path
    .map((key) => (typeof key === "number" ? `[${String(key)}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./u, "");
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) {
    const other: unknown = value.find((item) => typeof item !== "string");
    return value.length === 0
      ? "an empty list"
      : other === undefined
        ? "a list"
        : `a list with ${kindOf(other)}`;
  }
  return typeof value === "object" ? "a mapping" : JSON.stringify(value);
}

function fits<T extends z.ZodMiniType>(schema: T, value: unknown, at: Path, refuse: Refuse): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = [...at, ...(issue?.path ?? [])];
  if (issue?.code === "unrecognized_keys")
    refuse([...path, issue.keys[0] ?? ""], `there is no field ${nameOf([...path, issue.keys[0] ?? ""])}`);
  if (issue?.code === "invalid_key") {
    const name = String(path.at(-1));
    refuse(path, `${JSON.stringify(name)} in ${nameOf(path.slice(0, -1))} is not a name of a variable`);
  }
  const name = nameOf(path) || "the file";
  const { message = "something else" } = issue ?? {};
  if (message.startsWith("NAME")) refuse(path, name + message.slice("NAME".length));
  return refuse(path, `${name} must be ${message}, not ${kindOf(valueAt(value, issue?.path ?? []))}`);
}

function checkEntry(value: unknown, at: Path, refuse: Refuse): CheckEntry {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuse(at, `${nameOf(at)} must be a mapping, not ${kindOf(value)}`);
  const [kind, other] = KINDS.filter((one) => one in value);
  if (kind === undefined)
    return refuse(
      at,
      `${nameOf(at)} checks nothing: add one of ${KINDS.slice(0, -1).join(", ")} or ${KINDS.at(-1) ?? ""}`,
    );
  if (other !== undefined)
    return refuse([...at, other], `${nameOf(at)} has both ${kind} and ${other}: split it into two checks`);
  return fits<z.ZodMiniType<CheckEntry>>(CHECK_FORMS[kind], value, at, refuse);
}

/**
 * Parses a check file (YAML, and therefore JSON). `path` is its name in messages.
 * @throws Failure CHECKS_INVALID (exit 2) with file and line
 */
export function parseChecksFile(source: string, path: string): ChecksFile {
  const lines = new LineCounter();
  // A mode is read by its digits: as the number 420, 0o644 would be the mode 0420.
  const customTags = (tags: Tags): Tags =>
    tags.filter((tag) => typeof tag === "string" || !("format" in tag) || tag.format !== "OCT");
  const options = { lineCounter: lines, uniqueKeys: true, merge: true, prettyErrors: false, customTags };
  const document = parseDocument(source, options);
  const [broken] = document.errors;
  if (broken !== undefined) {
    const what = broken.code === "MULTIPLE_DOCS" ? "a second YAML document begins here" : broken.message;
    throw invalid(path, lines.linePos(broken.pos[0]).line, what);
  }
  const refuse: Refuse = (at, what) => {
    throw invalid(path, lineAt(document, lines, at), what);
  };
  keepTexts(document);
  const value = valueOf(document, lines, path);
  const entries = valueAt(value, ["checks"]);
  const placed = (Array.isArray(entries) ? entries : []).map((entry: unknown, index) => ({
    entry: checkEntry(entry, ["checks", index], refuse),
    line: lineAt(document, lines, ["checks", index]),
  }));
  fits(checksFileSchema, value, [], refuse);
  return { path, entries: placed };
}

/** Fields that are texts, or mappings to texts. */
const TEXTS: readonly unknown[] = ["env", "labels", "user"];

/** Gives back the text of what YAML reads as a number or a boolean where it is a text: 3.10 would be 3.1, and 0755 the user 755. */
function keepTexts(document: Document): void {
  visit(document, {
    Pair(_key, { key, value }) {
      if (!isScalar(key) || !TEXTS.includes(key.value)) return;
      for (const one of isMap(value) ? value.items.map((item) => item.value) : [value])
        // A value that is its own text stays: an alias may need it as a number, such as a port.
        if (isScalar(one) && one.value !== null && one.toString() !== one.source) one.value = one.source;
    },
  });
}

/** The value of a document. Resolves aliases; refuses those without a target and those that would expand to gigabytes. */
function valueOf(document: Document, lines: LineCounter, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    let line = 1;
    visit(document, {
      Alias(_key, alias) {
        if (alias.resolve(document) !== undefined) return undefined;
        line = lines.linePos(alias.range?.[0] ?? 0).line;
        return visit.BREAK;
      },
    });
    throw invalid(path, line, messageOf(error));
  }
}

function invalid(path: string, line: number, what: string): Failure {
  return new Failure({
    code: "CHECKS_INVALID",
    kind: "usage",
    message: `${path}:${String(line)}: ${what}.`,
    hint: "Fix the line. Its schema: dist/schemas/checks.schema.json in the package mesa-blaxel-templates.",
  });
}

/** Reads a check file. @throws Failure CHECKS_MISSING, CHECKS_INVALID (exit 2) */
export async function readChecksFile(path: string): Promise<ChecksFile> {
  const source = await readIfPresent(path);
  if (source !== undefined) return parseChecksFile(source.toString("utf8"), path);
  throw missingTestFile("checks", path);
}
