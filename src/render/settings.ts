import * as z from "zod/mini";
import { parse, TomlError } from "smol-toml";
import { Failure, messageOf } from "../support/errors";
import { checked } from "./grammar";
import type { TemplateSettings } from "./rendered";

export const templateSchema = z.strictObject({
  description: z._default(z.string(), ""),
  install: z.enum(["apt", "extract"]),
  base: z.strictObject({ image: z.string() }),
  image: z._default(z.strictObject({ budget_megabytes: z._default(z.number().check(z.positive()), 500) }), {
    budget_megabytes: 500,
  }),
  sandbox: z.strictObject({
    name: z._default(z.string(), "mesa-{template}"),
    memory_megabytes: z._default(z.int().check(z.minimum(512)), 4096),
    region: z.optional(
      z.string().check(z.regex(/^[a-z]+-[a-z]+-\d+$/u, "a region is written like us-pdx-1")),
    ),
    ports: z._default(
      z.array(
        z.strictObject({
          name: z.string(),
          target: z.int().check(z.minimum(1), z.maximum(65_535)),
          protocol: z._default(z.enum(["http", "tcp", "udp", "tls"]), "http"),
        }),
      ),
      [],
    ),
  }),
  values: z._default(z.record(z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/u)), z.string()), {}),
});

/** Longest name Blaxel takes. */
const LONGEST_NAME = 49;
const RESERVED_PORTS = new Set([80, 443, 8080]);

function wrong(file: string, message: string, hint: string, cause?: unknown): Failure {
  return new Failure({
    code: "TEMPLATE_INVALID",
    kind: "usage",
    message: `${file}: ${message}`,
    hint,
    cause,
  });
}

function typeWord(value: unknown): string {
  return value === undefined
    ? "missing"
    : Array.isArray(value)
      ? "a list"
      : `${typeof value} ${JSON.stringify(value)}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

/**
 * template.toml, checked.
 * @throws Failure TEMPLATE_INVALID (exit 2) naming file, key, what was found and what is expected
 */
export function parseSettings(text: string, file: string, template: string): TemplateSettings {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (error) {
    const at = error instanceof TomlError ? `, line ${String(error.line)}` : "";
    throw wrong(
      file + at,
      `it is not TOML: ${messageOf(error).split("\n")[0] ?? ""}`,
      "Mend that line.",
      error,
    );
  }
  const parsed = templateSchema.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path ?? [];
    const key = path.map(String).join(".");
    if (issue?.code === "unrecognized_keys")
      throw wrong(
        file,
        `unknown key ${[...path.map(String), issue.keys[0] ?? ""].join(".")}.`,
        "Check its spelling, or put values of your own under [values].",
      );
    throw wrong(
      file,
      `${key || "the file"} is ${typeWord(valueAt(raw, path))}: ${issue?.message ?? "not valid"}.`,
      `Correct ${key || "the file"}.`,
    );
  }
  const { data } = parsed;
  const name = data.sandbox.name.replaceAll("{template}", template);
  checked(name, "name", `${file}: sandbox.name`);
  if (name.length > LONGEST_NAME)
    throw wrong(
      file,
      `sandbox.name gives "${name}", ${String(name.length)} characters; Blaxel takes at most ${String(LONGEST_NAME)}.`,
      "Shorten it.",
    );
  const reserved = data.sandbox.ports.find((port) => RESERVED_PORTS.has(port.target));
  if (reserved !== undefined)
    throw wrong(
      file,
      `sandbox.ports ${reserved.name}: port ${String(reserved.target)} is taken on Blaxel (80, 443 and 8080 are).`,
      "Choose another port.",
    );
  for (const port of data.sandbox.ports) checked(port.name, "name", `${file}: sandbox.ports name`);
  checked(data.base.image, "image reference", `${file}: base.image`);
  return {
    description: data.description,
    base: data.base,
    install: data.install,
    image: { budgetMegabytes: data.image.budget_megabytes },
    sandbox: {
      name,
      memoryMegabytes: data.sandbox.memory_megabytes,
      ports: data.sandbox.ports,
      ...(data.sandbox.region === undefined ? {} : { region: data.sandbox.region }),
    },
    values: data.values,
  };
}
