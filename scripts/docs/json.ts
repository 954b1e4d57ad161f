import { toJSONSchema, union, type ZodMiniType } from "zod/mini";
import { ANSWERS, EVENTS, FAILED, shapes } from "./answers";
import { MADE } from "./markdown";

interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
}

/** docs/json.md: what every command prints with --json. */
export function jsonPage(): string {
  const used = new Map<string, Schema>();
  const shown = (schema: ZodMiniType, name = "Answer"): string => {
    const json = toJSONSchema(schema, { metadata: shapes, io: "output" }) as Schema;
    for (const [id, one] of Object.entries(json.$defs ?? {})) used.set(id, one);
    return block([name, json]);
  };
  // Commands with the same answers share a section.
  const sections = new Map<string, string[]>();
  for (const [command, answers] of Object.entries(ANSWERS)) {
    const section = Object.entries(answers)
      .flatMap(([when, schema]) => [
        ...(when === "" ? [] : [`${when.charAt(0).toUpperCase()}${when.slice(1)}:`]),
        shown(schema),
      ])
      .join("\n\n");
    sections.set(section, [...(sections.get(section) ?? []), command]);
  }
  const commands = [...sections].flatMap(([section, names]) => [`### ${names.join(", ")}`, section]);
  const failed = shown(FAILED);
  return [
    MADE,
    "# JSON",
    "With `--json` a command prints exactly one JSON document on stdout, also when it fails and for wrong usage. `ok` tells whether it did what it was asked; the exit code tells the kind of failure. Where one template or stage failed, the document has the results of all and the first failure as `error` at the top level. A name with `?` may be missing. New properties may be added; the ones below stay. Only `matrix` has no `ok`, because a pipeline takes its document as it is. `sandbox shell` has no `--json`.",
    "The files have JSON Schemas in the package: `dist/schemas/manifest.schema.json`, `lock.schema.json`, `template.schema.json`, `checks.schema.json`.",
    "## A command that failed as a whole",
    failed,
    "## Commands",
    ...commands,
    "## Shared shapes",
    block(...[...used].sort(([a], [b]) => a.localeCompare(b))),
    "## Events",
    "`--events FILE` appends one of these a line, as it happens:",
    shown(union(EVENTS), "Event"),
  ].join("\n\n");
}

function block(...shapes: readonly (readonly [name: string, schema: Schema])[]): string {
  const types = shapes.map(([name, schema]) => `type ${name} = ${shapeOf(schema, "")};`);
  return `\`\`\`ts\n${types.join("\n\n")}\n\`\`\``;
}

/** A JSON Schema as a TypeScript type. */
function shapeOf(schema: Schema, indent: string): string {
  if (schema.$ref !== undefined) return schema.$ref.split("/").at(-1) ?? "unknown";
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  const either = schema.anyOf ?? schema.oneOf;
  if (either !== undefined) return either.map((one) => shapeOf(one, indent)).join(" | ");
  if (schema.type === "array") {
    const item = shapeOf(schema.items ?? {}, indent);
    return item.includes(" | ") && !item.startsWith("{") ? `(${item})[]` : `${item}[]`;
  }
  if (schema.type === "object") return objectShape(schema, indent);
  const types = [schema.type ?? "unknown"].flat();
  return types.map((type) => (type === "integer" ? "number" : type)).join(" | ");
}

function objectShape(
  { properties = {}, required = [], additionalProperties }: Schema,
  indent: string,
): string {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(
    ([name, one]) =>
      `${inner}${/^\w+$/u.test(name) ? name : JSON.stringify(name)}${required.includes(name) ? "" : "?"}: ${shapeOf(one, inner)};`,
  );
  if (lines.length === 0 && typeof additionalProperties === "object") {
    const any = shapeOf(additionalProperties, inner);
    if (!any.includes("\n")) return `{ [name: string]: ${any} }`;
    lines.push(`${inner}[name: string]: ${any};`);
  }
  if (lines.length === 0) return "object";
  const short = `{ ${lines
    .map((line) => line.trim())
    .join(" ")
    .slice(0, -1)} }`;
  return short.length <= 90 && !short.includes("\n") ? short : `{\n${lines.join("\n")}\n${indent}}`;
}
