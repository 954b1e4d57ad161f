import * as z from "zod/mini";
import { Failure, messageOf } from "../support/errors";

const port = z.strictObject({
  name: z
    .string()
    .check(z.regex(/^[a-z][a-z0-9-]*$/u, "a port's name is lower-case letters, digits and hyphens")),
  target: z.int().check(z.minimum(1), z.maximum(65_535)),
  protocol: z.enum(["http", "tcp", "udp", "tls", "HTTP", "TCP", "UDP", "TLS"]),
});

/** What of blaxel.toml really arrives at Blaxel for a sandbox (bl 0.1.108); anything else is refused. */
const schema = z.strictObject({
  name: z
    .string()
    .check(
      z.regex(
        /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/u,
        "lower-case letters, digits and hyphens only: bl would rewrite any other name",
      ),
      z.maxLength(49, "Blaxel takes at most 49 characters"),
    ),
  type: z.literal("sandbox"),
  region: z.optional(z.string().check(z.regex(/^[a-z]+-[a-z]+-\d+$/u, "a region is written like us-pdx-1"))),
  env: z.optional(z.record(z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/u)), z.string())),
  runtime: z.optional(
    z.strictObject({
      memory: z.optional(z.int().check(z.minimum(256))),
      ttl: z.optional(z.string()),
      expires: z.optional(z.string()),
      terminationGracePeriodSeconds: z.optional(z.int()),
      extraArgs: z.optional(z.record(z.enum(["iptables", "nfs", "tun"]), z.enum(["enabled", "disabled"]))),
      ports: z.optional(z.array(port)),
    }),
  ),
  volumes: z.optional(
    z.array(z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.optional(z.boolean()) })),
  ),
  build: z.optional(
    z.strictObject({ slim: z.optional(z.boolean()), args: z.optional(z.record(z.string(), z.string())) }),
  ),
});

export type BlaxelToml = z.infer<typeof schema>;

/** Why bl would not do what a field says; told when such a field is found. */
const DROPPED: Readonly<Record<string, string>> = {
  workspace:
    "bl sends the request to the workspace it is signed in to and uses this one only for links and logs",
  policies: "bl drops it for sandboxes",
  public: "bl drops it for sandboxes",
  triggers: "bl drops it for sandboxes",
  memory: "at the top level it counts for applications only; write it under [runtime]",
  port: "it counts for applications only; write [[runtime.ports]]",
  image: "with it nothing is built: the Dockerfile would be ignored",
  description: "bl does not know it",
  lifecycle: "bl drops it for sandboxes",
  network: "bl drops it for sandboxes",
  "runtime.generation": "bl drops it on deploy",
  "runtime.storageMb": "bl drops it",
  "runtime.timeout": "bl drops it for sandboxes",
  "runtime.envs": "bl overwrites it; write [env]",
  "runtime.image": "with it nothing is built: the Dockerfile would be ignored",
};

const RESERVED_PORTS = new Set([80, 443, 8080]);

function refused(field: string, why: string): Failure {
  return new Failure({
    code: "BLAXEL_TOML",
    kind: "usage",
    message: `blaxel.toml: ${field}: ${why}.`,
    hint: "Change the template's blaxel.toml.hbs; bl itself would go on without a word.",
  });
}

/**
 * Checks a rendered blaxel.toml before bl sees it: bl ignores unknown keys, goes on after a syntax error, and drops
 * fields it does not send for sandboxes, each time with exit 0.
 * @throws Failure BLAXEL_TOML (exit 2)
 */
export async function checkBlaxelToml(text: string): Promise<BlaxelToml> {
  const { parse } = await import("smol-toml");
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new Failure({
      code: "BLAXEL_TOML",
      kind: "usage",
      message: `blaxel.toml is not TOML: ${messageOf(error).split("\n")[0] ?? ""}`,
      hint: "Change the template's blaxel.toml.hbs.",
      cause: error,
    });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const at = (issue?.path ?? []).map(String);
    const field =
      issue?.code === "unrecognized_keys"
        ? [...at, issue.keys[0] ?? ""].join(".")
        : at.join(".") || "the file";
    throw refused(
      field,
      DROPPED[field] ??
        (issue?.code === "unrecognized_keys"
          ? "bl does not send this field, so it would silently do nothing"
          : (issue?.message ?? "is not valid")),
    );
  }
  const reserved = parsed.data.runtime?.ports?.find(({ target }) => RESERVED_PORTS.has(target));
  if (reserved !== undefined)
    throw refused(
      `runtime.ports ${reserved.name}`,
      `port ${String(reserved.target)} is reserved on Blaxel (80, 443 and 8080 are)`,
    );
  return parsed.data;
}
