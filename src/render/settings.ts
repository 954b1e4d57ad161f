import * as z from "zod/mini";
import { parse, TomlError } from "smol-toml";
import { LONGEST_NAME, RESERVED_PORTS } from "../blaxel/blaxel-toml";
import type { DownloadInput, ImageInput } from "../lock/lock";
import { parseImageReference } from "../registry/reference";
import { valueAt } from "../support/text/parsed-json";
import { Failure, firstProblem, messageOf } from "../support/errors";
import { checked } from "./grammar";
import type { TemplateSettings } from "./rendered";

const inputName = z.string().check(z.regex(/^[A-Za-z][A-Za-z0-9_-]*$/u, "letters, digits, _ and -"));
const imageInput = z.strictObject({ image: z.string() });
const downloadInput = z.strictObject({
  url: z
    .string()
    .check(z.regex(/^https:\/\/(?![^/?#]*@)/u, "an address that begins with https:// and has no password")),
  version: z.optional(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/u, "one word"))),
  sha256: z.optional(z.string().check(z.regex(/^[0-9a-f]{64}$/u, "64 lower-case hex digits"))),
  sha512: z.optional(z.string().check(z.regex(/^[0-9a-f]{128}$/u, "128 lower-case hex digits"))),
  integrity: z.optional(
    z.string().check(z.regex(/^(?:sha256|sha512)-[A-Za-z0-9+/]+={0,2}$/u, "npm's sha512-… (or sha256-…)")),
  ),
});

export const templateSchema = z.strictObject({
  description: z._default(z.string(), ""),
  install: z.enum(["apt", "extract"]),
  base: imageInput,
  images: z._default(z.record(inputName, imageInput), {}),
  downloads: z._default(z.record(inputName, downloadInput), {}),
  image: z._default(z.strictObject({ budget_megabytes: z._default(z.number().check(z.positive()), 500) }), {
    budget_megabytes: 500,
  }),
  sandbox: z.strictObject({
    name: z._default(z.string(), "mesa-{template}"),
    memory_megabytes: z._default(z.int().check(z.minimum(512)), 4096),
    region: z.optional(z.string().check(z.regex(/^[a-z]+-[a-z]+-\d+$/u, "a region like us-pdx-1"))),
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
  values: z._default(
    z.record(z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/u, "letters, digits and _")), z.string()),
    {},
  ),
});

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
  if (value === undefined) return "missing";
  return Array.isArray(value)
    ? `a list, ${JSON.stringify(value)}`
    : `${typeof value} ${JSON.stringify(value)}`;
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a text in quotes",
  number: "a number",
  int: "a whole number",
  array: "a list of tables, [[…]]",
  object: "a table, […]",
  record: "a table, […]",
};

/** What is allowed in place of what was found. */
function allowed(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `it must be ${EXPECTED[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `allowed: ${issue.values.map(String).join(" or ")}`;
    case "too_small":
      return `it must be ${issue.inclusive === false ? "more than" : "at least"} ${String(issue.minimum)}`;
    case "too_big":
      return `it must be at most ${String(issue.maximum)}`;
    case "invalid_key":
      return `a name is made of ${issue.issues[0]?.message ?? "letters"}`;
    default:
      return `it must be ${issue.message}`;
  }
}

/** An image's full name, expanded as Docker does: "debian:bookworm-slim" is docker.io/library/debian:bookworm-slim. */
function expanded(image: string, key: string, file: string): ImageInput {
  try {
    const { repository, tag, digest } = parseImageReference(image);
    return {
      image: `${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`,
    };
  } catch (error) {
    throw wrong(
      file,
      `${key}: ${messageOf(error)}`,
      "Write a name with a tag, like docker.io/library/debian:bookworm-slim.",
      error,
    );
  }
}

function download(input: z.infer<typeof downloadInput>, key: string, file: string): DownloadInput {
  if (input.url.includes("{version}") && input.version === undefined)
    throw wrong(file, `${key}.url names {version}, but ${key}.version is missing.`, `Add ${key}.version.`);
  checked(input.url.replaceAll("{version}", input.version ?? ""), "https address", `${file}: ${key}.url`);
  const given = [input.sha256, input.sha512, input.integrity].filter((value) => value !== undefined);
  if (given.length > 1)
    throw wrong(
      file,
      `${key} has more than one of sha256, sha512 and integrity.`,
      "Keep the one that the publisher provides.",
    );
  const published = publishedHash(input);
  if (published !== undefined && !/^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/u.test(published))
    throw wrong(
      file,
      `${key}.integrity is ${JSON.stringify(input.integrity)}: a ${published.slice(0, 6)} in base64 has another length.`,
      "Copy it whole (npm view PACKAGE dist.integrity).",
    );
  return { url: input.url, version: input.version, published };
}

function publishedHash({
  sha256,
  sha512,
  integrity = "",
}: z.infer<typeof downloadInput>): DownloadInput["published"] {
  if (sha256 !== undefined) return `sha256:${sha256}`;
  if (sha512 !== undefined) return `sha512:${sha512}`;
  const [, algorithm, base64 = ""] = /^(sha256|sha512)-(.+)$/u.exec(integrity) ?? [];
  const hex = Buffer.from(base64, "base64").toString("hex");
  return algorithm === undefined ? undefined : `${algorithm as "sha256" | "sha512"}:${hex}`;
}

function mapped<T, U>(inputs: Readonly<Record<string, T>>, make: (input: T, name: string) => U) {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, make(input, name)]));
}

/**
 * Parses and checks template.toml.
 * @throws Failure TEMPLATE_INVALID (exit 2) naming file, key, what was found and what is allowed
 */
export function parseSettings(text: string, file: string, template: string): TemplateSettings {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (error) {
    const line = error instanceof TomlError ? error.line : undefined;
    const shown = line === undefined ? "" : ` (${(text.split("\n")[line - 1] ?? "").trim()})`;
    throw wrong(
      `${file}${line === undefined ? "" : `, line ${String(line)}`}`,
      `it is not TOML: ${firstProblem(error)}${shown}`,
      "Correct that line.",
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
        "Check its spelling, or put your own values under [values].",
      );
    const found =
      issue?.code === "invalid_key" ? "not a name that can be used" : typeWord(valueAt(raw, path));
    throw wrong(
      file,
      `${key || "the file"} is ${found}; ${issue === undefined ? "it is not valid" : allowed(issue)}.`,
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
      `sandbox.ports ${reserved.name}: port ${String(reserved.target)} is reserved on Blaxel (80, 443 and 8080 are).`,
      "Choose another port.",
    );
  for (const port of data.sandbox.ports) checked(port.name, "name", `${file}: sandbox.ports name`);
  return {
    description: data.description,
    base: expanded(data.base.image, "base.image", file),
    images: mapped(data.images, ({ image }, one) => {
      const input = expanded(image, `images.${one}.image`, file);
      if (parseImageReference(image).tag !== undefined) return input;
      throw wrong(
        file,
        `images.${one}.image is ${JSON.stringify(image)}, which has no tag.`,
        "Add one: it determines which image is newer.",
      );
    }),
    downloads: mapped(data.downloads, (input, one) => download(input, `downloads.${one}`, file)),
    install: data.install,
    image: { budgetMegabytes: data.image.budget_megabytes },
    sandbox: {
      name,
      memoryMegabytes: data.sandbox.memory_megabytes,
      ports: data.sandbox.ports,
      region: data.sandbox.region,
    },
    values: data.values,
  };
}
