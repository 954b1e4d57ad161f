import { RE2JS } from "re2js";
import * as z from "zod/mini";
import { messageOf } from "../../support/errors";

// The messages of this schema complete "NAME must be …"; those that begin with NAME are whole.

/** A schema with its description in the JSON schema. */
const described = <T extends z.ZodMiniType>(schema: T, description: string): T =>
  schema.check(z.describe(description));
/** A field that may be left out. */
const maybe = <T extends z.ZodMiniType>(schema: T, description: string): z.ZodMiniOptional<T> =>
  z.optional(described(schema, description));
const matching = (pattern: RegExp, what: string): z.ZodMiniString =>
  z.string(what).check(z.regex(pattern, what));
const within = (least: number, most: number, what: string): z.ZodMiniNumberFormat =>
  z.int(what).check(z.minimum(least, what), z.maximum(most, what));

const text = z.string("a text").check(z.minLength(1, "a non-empty text"));
const port = within(1, 65_535, "a port number");
const limit = matching(/^(?=.*[1-9])\d+(\.\d+)?(ms|s|m)$/u, "a duration above zero such as 10s or 2m");
const duration = matching(/^\d+(\.\d+)?(ms|s|m)$/u, "a duration such as 500ms, 10s or 2m");
const A_SIZE = 'a number of bytes, or a text such as "300 MB" or "1.5 GiB"';
const size = z.union(
  [z.int(A_SIZE).check(z.positive(A_SIZE)), matching(/^\d+(\.\d+)? ?(B|kB|MB|GB|KiB|MiB|GiB)$/u, A_SIZE)],
  A_SIZE,
);
const patternList = z.union([z.string(), z.array(z.string())]);
const matchAndNot = z.strictObject({ match: z.optional(patternList), not: z.optional(patternList) });
const anyPatterns = z.union(
  [z.string(), z.array(z.string()), matchAndNot],
  "an RE2 expression, a list of them, or {match: …, not: …}",
);
export type Patterns = z.infer<typeof anyPatterns>;
/** Expressions are compiled here, so that a typo is a broken file and not a failed image. */
const compile = z.superRefine<Patterns>((patterns, context) => {
  const { match, not } = bothWays(patterns);
  for (const pattern of [...match, ...not])
    try {
      RE2JS.compile(pattern);
    } catch (error) {
      const message = `NAME: ${pattern} is not an RE2 expression (${messageOf(error)})`;
      context.addIssue({ code: "custom", message });
    }
});
const patterns = anyPatterns.check(compile);
const SEARCHED = "RE2 expressions, searched in the whole text";
const device = z.string("a device").check(z.regex(/^\/dev\/./u, "a path below /dev"));
const variable = z.union([z.string(), z.number(), z.boolean()], "a text");

const named = {
  name: described(text, "Its name in the report"),
  hint: maybe(text, "What to do if it fails"),
};

const onSubject = {
  ...named,
  user: maybe(
    z.union([text, z.int()], "a name or uid, with :gid if need be"),
    "Run as this user (name, uid or uid:gid); default: as what the image runs",
  ),
  env: maybe(
    z.record(
      z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/u, "a name of a variable")),
      variable,
      "a mapping",
    ),
    "Variables besides the image's",
  ),
  cwd: maybe(text, "Folder it runs in; default: the image's"),
  timeLimit: maybe(limit, "It is killed after this time and fails; rounded up to whole seconds; default 20s"),
  devices: maybe(z.array(device, "a list"), "Devices it needs; skipped where they are not available"),
  start: maybe(
    text,
    "A shell command for a service that runs during the check, with its user, env and cwd, and is stopped afterwards",
  ),
  retry: maybe(
    z.strictObject({ for: duration, every: z.optional(duration) }, "a mapping"),
    "Tried again until it passes or this time is over (default with start: 10s); every: default 250ms",
  ),
};

/** A check over HTTP or of ports runs nothing in the image; only its service has a user. */
const refuseIdle = z.superRefine<z.infer<z.ZodMiniObject<typeof onSubject>>>((entry, context) => {
  const message = "NAME applies to a service, but there is no start";
  for (const key of ["user", "env", "cwd"] as const)
    if (entry.start === undefined && entry[key] !== undefined)
      context.addIssue({ code: "custom", path: [key], message });
});

const A_COMMAND = "a shell command, or a list of texts (a program and its arguments)";
const commandCheck = z.strictObject({
  ...onSubject,
  command: described(
    z.union(
      [
        z.string().check(z.minLength(1, A_COMMAND)),
        z.array(z.string(A_COMMAND)).check(z.minLength(1, A_COMMAND)),
      ],
      A_COMMAND,
    ),
    "A shell command, or a program with its arguments (no shell)",
  ),
  exitCode: maybe(within(0, 255, "an exit code"), "Default 0"),
  stdout: maybe(patterns, SEARCHED),
  stderr: maybe(patterns, SEARCHED),
});

const httpCheck = z
  .strictObject({
    ...onSubject,
    http: described(
      z.strictObject(
        {
          port: maybe(port, "Default 8080, the sandbox API's"),
          path: maybe(z.string("a path").check(z.regex(/^\//u, "a path that begins with /")), "Default /"),
          status: maybe(within(100, 599, "an HTTP status"), "Default 200"),
          body: maybe(patterns, SEARCHED),
        },
        "a mapping",
      ),
      "A GET request and the expected response",
    ),
  })
  .check(refuseIdle);

const listeningCheck = z
  .strictObject({
    ...onSubject,
    listening: described(
      z.array(port, "a list of ports").check(z.minLength(1, "a list of ports that is not empty")),
      "TCP ports that must be listened on",
    ),
  })
  .check(refuseIdle);

const historyCheck = z.strictObject({
  ...named,
  history: described(patterns, "RE2 expressions, searched in the image's history, one step a line"),
});

const sizeCheck = z.strictObject({
  ...named,
  size: described(size, "The largest allowed size: bytes, or 300 MB"),
});

const A_MODE = 'permission bits in octal, such as "0755"';
// YAML reads 0755 as the number 755; its digits are the octal mode. 0o755 stays text (see parse.ts).
const modeDigits = z.int(A_MODE).check(z.refine((value) => /^[0-7]{1,4}$/u.test(String(value)), A_MODE));
const AN_OWNER = "a user such as root or 1000, or user:group";
const AN_ABSOLUTE_PATH = "an absolute path";

/** A file that must be absent allows no further expectation. */
const refuseAbsentWithMore = z.superRefine<Readonly<Record<string, unknown>>>((file, context) => {
  const message = "NAME cannot be combined with exists: false";
  for (const key of ["type", "mode", "owner", "link", "contents"])
    if (file["exists"] === false && file[key] !== undefined)
      context.addIssue({ code: "custom", path: [key], message });
});

const fileCheck = z.strictObject({
  ...named,
  file: described(
    z
      .strictObject(
        {
          path: described(
            matching(/^\//u, AN_ABSOLUTE_PATH),
            "The entry itself: a symbolic link at its end is not followed",
          ),
          exists: maybe(z.boolean("true or false"), "false: nothing may exist there; default true"),
          type: z.optional(z.enum(["file", "directory", "link"], "file, directory or link")),
          mode: maybe(
            z.union([matching(/^(?:0o)?[0-7]{3,4}$/u, A_MODE), modeDigits], A_MODE),
            "Permission bits in octal, with setuid, setgid and sticky: 4755",
          ),
          owner: maybe(
            z.union(
              [z.int(AN_OWNER).check(z.nonnegative(AN_OWNER)), matching(/^[^:\s]+(:[^:\s]+)?$/u, AN_OWNER)],
              AN_OWNER,
            ),
            "Name or uid, with :group or :gid if need be",
          ),
          link: maybe(text, "The target of a symbolic link, exactly as stored"),
          contents: maybe(patterns, "RE2 expressions, searched in the whole text; links are followed"),
        },
        "a mapping",
      )
      .check(refuseAbsentWithMore),
    "A path of the image before it starts; in a sandbox, its current state",
  ),
});

const settings = z.record(
  z.string(),
  z.union(
    [variable, z.null(), matchAndNot.check(compile)],
    "a text, {match: …, not: …}, or nothing where it must not be set",
  ),
  "a mapping",
);
const words = z.array(z.string("a text"), "a list of texts");
const A_PORT = 'a port such as 8080 or "53/udp"';
const ports = z.array(
  z.union([port, matching(/^\d{1,5}(\/(tcp|udp|sctp))?$/u, A_PORT)], A_PORT),
  "a list of ports",
);

const imageCheck = z.strictObject({
  ...named,
  image: described(
    z.strictObject(
      {
        env: maybe(settings, "Variables: a text is the whole value, nothing means not set"),
        labels: maybe(settings, "Labels, as env"),
        entrypoint: maybe(words, "Exactly this; []: none"),
        cmd: maybe(words, "Exactly this; []: none"),
        ports: maybe(ports, "Ports that are exposed, among others"),
        notPorts: maybe(ports, "Ports that are not exposed"),
        volumes: maybe(words, "Volumes that are declared, among others"),
        notVolumes: maybe(words, "Volumes that are not declared"),
        cwd: maybe(z.string("a text"), "The working folder"),
        user: maybe(z.union([z.string(), z.int()], "a text"), 'Exactly as in the image; "": not set'),
      },
      "a mapping",
    ),
    "The image's configuration",
  ),
});

/** The form of each kind of check, by its key. */
export const CHECK_FORMS = {
  command: commandCheck,
  http: httpCheck,
  listening: listeningCheck,
  file: fileCheck,
  image: imageCheck,
  history: historyCheck,
  size: sizeCheck,
} as const;

/** templates/<template>/checks.yaml: what a template must prove besides the built-in checks. */
export const checksFileSchema = z.strictObject(
  {
    $schema: z.optional(z.string()),
    schemaVersion: z.literal(1, "1"),
    checks: z
      .array(z.union(Object.values(CHECK_FORMS)), "a list")
      .check(z.minLength(1, "a list that is not empty")),
  },
  "a mapping with schemaVersion and checks",
);

export type CommandEntry = z.infer<typeof commandCheck>;
export type HttpEntry = z.infer<typeof httpCheck>;
export type ListeningEntry = z.infer<typeof listeningCheck>;
export type FileEntry = z.infer<typeof fileCheck>;
export type ImageEntry = z.infer<typeof imageCheck>;
export type HistoryEntry = z.infer<typeof historyCheck>;
export type SizeEntry = z.infer<typeof sizeCheck>;
/** Keys of every check that runs in a container or sandbox. */
export type RunEntry = Omit<ListeningEntry, "listening">;
export type CheckEntry = z.infer<(typeof CHECK_FORMS)[keyof typeof CHECK_FORMS]>;
export type Settings = z.infer<typeof settings>;

const MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };
const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

function times(text: string, units: Readonly<Record<string, number>>): number {
  const [, amount, unit] = /^([\d.]+) ?([A-Za-z]+)$/u.exec(text) ?? [];
  return Math.round(Number(amount) * (units[unit ?? ""] ?? Number.NaN));
}

/** "10s" as milliseconds; the schema has already checked the form. */
export function milliseconds(duration: string): number {
  return times(duration, MS);
}

/** "300 MB" (a million each), "300 MiB" (2^20 each), or a bare number, as bytes. */
export function bytes(size: number | string): number {
  return typeof size === "number" ? size : times(size, BYTES);
}

function listOf(patterns: string | readonly string[] | undefined): readonly string[] {
  return patterns === undefined ? [] : [patterns].flat();
}

/** Patterns in all notations, split into those that must match and those that must not. */
export function bothWays(patterns: Patterns | undefined): {
  readonly match: readonly string[];
  readonly not: readonly string[];
} {
  const { match, not } =
    typeof patterns === "object" && !Array.isArray(patterns) ? patterns : { match: patterns };
  return { match: listOf(match), not: listOf(not) };
}
