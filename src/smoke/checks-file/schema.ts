import * as z from "zod/mini";

// The messages of this schema complete "NAME must be …".

const text = z.string("a text").check(z.minLength(1, "a text that is not empty"));
const port = z.int("a port number").check(z.minimum(1, "a port number"), z.maximum(65_535, "a port number"));
const duration = z
  .string("a length of time such as 500ms, 10s or 2m")
  .check(z.regex(/^\d+(\.\d+)?(ms|s|m)$/u, "a length of time such as 500ms, 10s or 2m"));
const A_SIZE = 'a number of bytes, or a text such as "300 MB" or "1.5 GiB"';
const size = z.union(
  [
    z.int(A_SIZE).check(z.positive(A_SIZE)),
    z.string(A_SIZE).check(z.regex(/^\d+(\.\d+)? ?(B|kB|MB|GB|KiB|MiB|GiB)$/u, A_SIZE)),
  ],
  A_SIZE,
);
const patternList = z.union([z.string(), z.array(z.string())]);
const patterns = z.union(
  [
    z.string(),
    z.array(z.string()),
    z.strictObject({ match: z.optional(patternList), not: z.optional(patternList) }),
  ],
  "an RE2 expression, a list of them, or {match: …, not: …}",
);
const device = z.string("a device").check(z.regex(/^\/dev\/./u, "a path below /dev"));
const variable = z.union([z.string(), z.number(), z.boolean()], "a text");

const named = {
  name: text.check(z.describe("What the report calls it")),
  hint: z.optional(text.check(z.describe("What to do when it fails"))),
};

const onSubject = {
  ...named,
  user: z.optional(
    z
      .union([text, z.int()], "a name or uid, with :gid if need be")
      .check(z.describe("Run as this user (name, uid or uid:gid); default: as what the image runs")),
  ),
  env: z.optional(
    z
      .record(
        z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/u, "a name of a variable")),
        variable,
        "a mapping",
      )
      .check(z.describe("Variables besides the image's")),
  ),
  cwd: z.optional(text.check(z.describe("Folder it runs in; default: the image's"))),
  timeLimit: z.optional(
    duration.check(z.describe("It is ended after this and fails; rounded up to whole seconds; default 20s")),
  ),
  devices: z.optional(
    z.array(device, "a list").check(z.describe("Devices it needs; skipped where they cannot be had")),
  ),
  start: z.optional(
    text.check(
      z.describe(
        "A shell command for a service that runs meanwhile, with this check's user, env and cwd, and is ended afterwards",
      ),
    ),
  ),
  retry: z.optional(
    z
      .strictObject({ for: duration, every: z.optional(duration) }, "a mapping")
      .check(
        z.describe(
          "Tried again until it passes or this is over (with start: 10s unless given); every: default 250ms",
        ),
      ),
  ),
};

const A_COMMAND = "a shell command, or a list of a program and its arguments";
const commandCheck = z.strictObject({
  ...onSubject,
  command: z
    .union(
      [
        z.string().check(z.minLength(1, A_COMMAND)),
        z.array(z.string(A_COMMAND)).check(z.minLength(1, A_COMMAND)),
      ],
      A_COMMAND,
    )
    .check(z.describe("A shell command, or a program with its arguments (no shell)")),
  exitCode: z.optional(
    z
      .int("an exit code")
      .check(z.minimum(0, "an exit code"), z.maximum(255, "an exit code"), z.describe("Default 0")),
  ),
  stdout: z.optional(patterns.check(z.describe("RE2 expressions, searched in all of it"))),
  stderr: z.optional(patterns.check(z.describe("RE2 expressions, searched in all of it"))),
});

const httpCheck = z.strictObject({
  ...onSubject,
  http: z
    .strictObject(
      {
        port: z.optional(port.check(z.describe("Default 8080, the sandbox API's"))),
        path: z.optional(
          z.string("a path").check(z.regex(/^\//u, "a path that begins with /"), z.describe("Default /")),
        ),
        status: z.optional(
          z
            .int("an HTTP status")
            .check(
              z.minimum(100, "an HTTP status"),
              z.maximum(599, "an HTTP status"),
              z.describe("Default 200"),
            ),
        ),
        body: z.optional(patterns.check(z.describe("RE2 expressions, searched in all of it"))),
      },
      "a mapping",
    )
    .check(z.describe("A GET request and what must come back")),
});

const listeningCheck = z.strictObject({
  ...onSubject,
  listening: z
    .array(port, "a list of ports")
    .check(
      z.minLength(1, "a list of ports that is not empty"),
      z.describe("TCP ports that must be listened on"),
    ),
});

const historyCheck = z.strictObject({
  ...named,
  history: patterns.check(z.describe("RE2 expressions, searched in the image's history, one step a line")),
});

const sizeCheck = z.strictObject({
  ...named,
  size: size.check(z.describe("The image is at most as large: bytes, or 300 MB")),
});

/** The form of each kind of check, by the key that makes it one. */
export const CHECK_FORMS = {
  command: commandCheck,
  http: httpCheck,
  listening: listeningCheck,
  history: historyCheck,
  size: sizeCheck,
} as const;

/** templates/<template>/checks.yaml: what a template has to prove besides the built-in checks. */
export const checksFileSchema = z.strictObject({
  $schema: z.optional(z.string()),
  schemaVersion: z.literal(1, "1"),
  checks: z
    .array(z.union([commandCheck, httpCheck, listeningCheck, historyCheck, sizeCheck]), "a list")
    .check(z.minLength(1, "a list that is not empty")),
});

export type Patterns = z.infer<typeof patterns>;
export type CommandEntry = z.infer<typeof commandCheck>;
export type HttpEntry = z.infer<typeof httpCheck>;
export type ListeningEntry = z.infer<typeof listeningCheck>;
export type HistoryEntry = z.infer<typeof historyCheck>;
export type SizeEntry = z.infer<typeof sizeCheck>;
/** What every check that runs in a container or sandbox may say. */
export type RunEntry = Omit<ListeningEntry, "listening">;
export type CheckEntry = CommandEntry | HttpEntry | ListeningEntry | HistoryEntry | SizeEntry;
