import { parse } from "smol-toml";
import * as z from "zod/mini";
import { Failure, firstProblem } from "../support/errors";
import { sendsBuildSettings } from "./bl-version";

/** Longest name that Blaxel accepts. */
export const LONGEST_NAME = 49;

/** Ports that Blaxel reserves. */
export const RESERVED_PORTS: ReadonlySet<number> = new Set([80, 443, 8080]);

const port = z.strictObject({
  name: z
    .string()
    .check(z.regex(/^[a-z][a-z0-9-]*$/u, "a port's name is lower-case letters, digits and hyphens")),
  target: z.int().check(z.minimum(1), z.maximum(65_535)),
  protocol: z.enum(["http", "tcp", "udp", "tls", "HTTP", "TCP", "UDP", "TLS"]),
});

const REGION = z.string().check(z.regex(/^[a-z]+-[a-z]+-\d+$/u, "a region is written like us-pdx-1"));

/** The keys of blaxel.toml that bl sends for a sandbox; any other key is refused. */
const schema = z.strictObject({
  name: z
    .string()
    .check(
      z.regex(
        /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/u,
        "lower-case letters, digits and hyphens only: bl would rewrite any other name",
      ),
      z.maxLength(LONGEST_NAME, `Blaxel takes at most ${String(LONGEST_NAME)} characters`),
    ),
  type: z.literal("sandbox"),
  labels: z.optional(z.record(z.string(), z.string())),
  region: z.optional(REGION),
  env: z.optional(
    z.record(
      z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/u)),
      z
        .string()
        .check(
          z.regex(
            /^(?!\$(?:[A-Za-z_]|\{)[^\s]*$)/u,
            "bl replaces a value that is exactly $NAME with a variable of its own environment, which has none of yours",
          ),
        ),
    ),
  ),
  runtime: z.optional(
    z.strictObject({
      memory: z.optional(z.int().check(z.minimum(256))),
      ttl: z.optional(z.string().check(z.regex(/^\d+[smhdw]$/u, "a duration is written like 24h"))),
      expires: z.optional(z.iso.datetime()),
      terminationGracePeriodSeconds: z.optional(z.int().check(z.minimum(0))),
      extraArgs: z.optional(
        z.partialRecord(z.enum(["iptables", "nfs", "tun"]), z.enum(["enabled", "disabled"])),
      ),
      ports: z.optional(z.array(port)),
    }),
  ),
  volumes: z.optional(
    z.array(z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.optional(z.boolean()) })),
  ),
  build: z.optional(
    z.strictObject({
      slim: z.optional(z.boolean()),
      args: z.optional(z.record(z.string(), z.string())),
      dockerfile: z.optional(
        z.literal(
          ["Dockerfile", "./Dockerfile"],
          "it must be Dockerfile: that is what is built and proven here",
        ),
      ),
      memoryMb: z.optional(z.int().check(z.minimum(1), z.maximum(32_768))),
      volumeMb: z.optional(z.int().check(z.minimum(0), z.maximum(131_072))),
      region: z.optional(REGION),
      experimental: z.optional(z.boolean()),
      cacheDrive: z.optional(z.union([z.boolean(), z.string()])),
    }),
  ),
});

export type BlaxelToml = z.infer<typeof schema>;

/** Keys of [build] that bl 0.1.108 drops and newer versions send. */
const NEWER_BUILD_KEYS = [
  "dockerfile",
  "memoryMb",
  "volumeMb",
  "region",
  "experimental",
  "cacheDrive",
] as const;

/** Why bl ignores a field (a whole path, or the first word of one); reported if the field is used. */
const DROPPED: Readonly<Record<string, string>> = {
  workspace:
    "bl sends the request to the workspace it is signed in to and uses this one only for links and logs",
  policies: "bl drops it for sandboxes",
  public: "bl drops it for sandboxes",
  triggers: "bl drops it for sandboxes",
  lifecycle: "bl drops it for sandboxes",
  network: "bl drops it for sandboxes",
  vpc: "bl drops it for sandboxes",
  memory: "bl reads it at the top level for applications only; write it under [runtime]",
  port: "bl reads it for applications only; write [[runtime.ports]]",
  image: "with it bl builds nothing and ignores the Dockerfile",
  entrypoint: "bl ignores it for sandboxes; the Dockerfile's ENTRYPOINT is what runs",
  protocol: "bl reads it for functions only",
  functions: "bl reads it for agents only",
  models: "bl reads it for agents only",
  agents: "bl reads it for agents only",
  function: "bl would deploy another project beside this one, and exit with 0 when that fails",
  agent: "bl would deploy another project beside this one, and exit with 0 when that fails",
  job: "bl would deploy another project beside this one, and exit with 0 when that fails",
  skipRoot: "with it bl would not deploy this project",
  directory: "bl reads it for volume templates only",
  defaultSize: "bl reads it for volume templates only",
  githubRunner: "bl does not read it for sandboxes",
  description: "bl does not know it",
  "env.BL_API_KEY": "bl never sends it to a sandbox",
  "env.MESA_TEMPLATE_INPUTS": "this program marks its own sandboxes with it",
  "runtime.generation": "bl drops it on deploy",
  "runtime.storageMb": "bl drops it",
  "runtime.timeout": "bl drops it for sandboxes",
  "runtime.expiresIn": "bl does not know it; write ttl or expires",
  "runtime.envs": "bl overwrites it; write [env]",
  "runtime.image": "with it bl builds nothing and ignores the Dockerfile",
};

function refused(template: string, field: string, why: string): Failure {
  return new Failure({
    code: "BLAXEL_TOML",
    kind: "usage",
    template,
    message: `blaxel.toml: ${field}: ${why}.`,
    hint: `Change templates/${template}/blaxel.toml.hbs. bl itself would not report this.`,
  });
}

/** The first field of the file that only a newer bl sends. */
function newerField({ labels, build }: BlaxelToml): string | undefined {
  if (labels !== undefined) return "labels";
  const key = NEWER_BUILD_KEYS.find((name) => build?.[name] !== undefined);
  return key === undefined ? undefined : `build.${key}`;
}

/**
 * Reads a rendered blaxel.toml strictly: bl ignores unknown keys, continues after a syntax error, and drops fields it does not send for
 * sandboxes, each time with exit 0.
 * @param template whose file it is, for messages
 * @throws Failure BLAXEL_TOML (exit 2)
 */
export function parseBlaxelToml(text: string, template: string): BlaxelToml {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new Failure({
      code: "BLAXEL_TOML",
      kind: "usage",
      template,
      message: `blaxel.toml is not TOML: ${firstProblem(error)}`,
      hint: `Change templates/${template}/blaxel.toml.hbs.`,
      cause: error,
    });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const at = (issue?.path ?? []).map(String);
    const unknown = issue?.code === "unrecognized_keys" ? (issue.keys[0] ?? "") : undefined;
    const field = [...at, ...(unknown === undefined ? [] : [unknown])].join(".") || "the file";
    throw refused(
      template,
      field,
      unknown === undefined
        ? (issue?.message ?? "is not valid")
        : (DROPPED[field] ?? "bl does not send this field, so it would silently do nothing"),
    );
  }
  const sealed = Object.keys(parsed.data.env ?? {}).find((name) => `env.${name}` in DROPPED);
  if (sealed !== undefined) throw refused(template, `env.${sealed}`, DROPPED[`env.${sealed}`] ?? "");
  const reserved = parsed.data.runtime?.ports?.find(({ target }) => RESERVED_PORTS.has(target));
  if (reserved !== undefined)
    throw refused(
      template,
      `runtime.ports ${reserved.name}`,
      `port ${String(reserved.target)} is reserved on Blaxel (80, 443 and 8080 are)`,
    );
  return parsed.data;
}

/**
 * Refuses what a bl would silently drop that a newer one sends.
 * @param version the version of the bl that will read the file
 * @throws Failure BLAXEL_TOML (exit 2)
 */
export function refuseNewerFields(toml: BlaxelToml, template: string, version: string): void {
  const newer = sendsBuildSettings(version) ? undefined : newerField(toml);
  if (newer !== undefined)
    throw refused(
      template,
      newer,
      `bl ${version} drops it; a newer bl sends it to Blaxel (update with bl upgrade)`,
    );
}
