import * as z from "zod/mini";

// The messages of this schema complete "NAME must be …".

const text = z.string("a text").check(z.minLength(1, "a non-empty text"));
const port = z.int("a port number").check(z.minimum(1, "a port number"), z.maximum(65_535, "a port number"));
const duration = z
  .string("a duration such as 500ms, 10s or 2m")
  .check(z.regex(/^\d+(\.\d+)?(ms|s|m)$/u, "a duration such as 500ms, 10s or 2m"));
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
  name: text.check(z.describe("Its name in the report")),
  hint: z.optional(text.check(z.describe("What to do if it fails"))),
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
    duration.check(
      z.describe("It is killed after this time and fails; rounded up to whole seconds; default 20s"),
    ),
  ),
  devices: z.optional(
    z.array(device, "a list").check(z.describe("Devices it needs; skipped where they are not available")),
  ),
  start: z.optional(
    text.check(
      z.describe(
        "A shell command for a service that runs during the check, with its user, env and cwd, and is stopped afterwards",
      ),
    ),
  ),
  retry: z.optional(
    z
      .strictObject({ for: duration, every: z.optional(duration) }, "a mapping")
      .check(
        z.describe(
          "Tried again until it passes or this time is over (default with start: 10s); every: default 250ms",
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
  stdout: z.optional(patterns.check(z.describe("RE2 expressions, searched in the whole text"))),
  stderr: z.optional(patterns.check(z.describe("RE2 expressions, searched in the whole text"))),
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
        body: z.optional(patterns.check(z.describe("RE2 expressions, searched in the whole text"))),
      },
      "a mapping",
    )
    .check(z.describe("A GET request and the expected response")),
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
  size: size.check(z.describe("The largest allowed size: bytes, or 300 MB")),
});

const A_MODE = 'permission bits in octal, such as "0755"';
const mode = z.union(
  // YAML reads 0755 as the number 755; its digits are the octal mode.
  [
    z.string(A_MODE).check(z.regex(/^[0-7]{3,4}$/u, A_MODE)),
    z.int(A_MODE).check(z.refine((value) => /^[0-7]{1,4}$/u.test(String(value)), A_MODE)),
  ],
  A_MODE,
);
const AN_OWNER = "a user such as root or 1000, or user:group";
const owner = z.union(
  [
    z.int(AN_OWNER).check(z.nonnegative(AN_OWNER)),
    z.string(AN_OWNER).check(z.regex(/^[^:\s]+(:[^:\s]+)?$/u, AN_OWNER)),
  ],
  AN_OWNER,
);
const AN_ABSOLUTE_PATH = "an absolute path";

const fileCheck = z.strictObject({
  ...named,
  file: z
    .strictObject(
      {
        path: z
          .string(AN_ABSOLUTE_PATH)
          .check(
            z.regex(/^\//u, AN_ABSOLUTE_PATH),
            z.describe("The entry itself: a symbolic link at its end is not followed"),
          ),
        exists: z.optional(
          z.boolean("true or false").check(z.describe("false: nothing may exist there; default true")),
        ),
        type: z.optional(z.enum(["file", "directory", "link"], "file, directory or link")),
        mode: z.optional(
          mode.check(z.describe("Permission bits in octal, with setuid, setgid and sticky: 4755")),
        ),
        owner: z.optional(owner.check(z.describe("Name or uid, with :group or :gid if need be"))),
        link: z.optional(text.check(z.describe("The target of a symbolic link, exactly as stored"))),
        contents: z.optional(
          patterns.check(z.describe("RE2 expressions, searched in the whole text; links are followed")),
        ),
      },
      "a mapping",
    )
    .check(z.describe("A path of the image before it starts; in a sandbox, its current state")),
});

const A_SETTING = "a text, {match: …, not: …}, or nothing where it must not be set";
const settings = z.record(
  z.string(),
  z.union(
    [variable, z.null(), z.strictObject({ match: z.optional(patternList), not: z.optional(patternList) })],
    A_SETTING,
  ),
  "a mapping",
);
const words = z.array(z.string("a text"), "a list of texts");
const A_PORT = 'a port such as 8080 or "53/udp"';
const ports = z.array(
  z.union([port, z.string(A_PORT).check(z.regex(/^\d{1,5}(\/(tcp|udp|sctp))?$/u, A_PORT))], A_PORT),
  "a list of ports",
);

const imageCheck = z.strictObject({
  ...named,
  image: z
    .strictObject(
      {
        env: z.optional(
          settings.check(z.describe("Variables: a text is the whole value, nothing means not set")),
        ),
        labels: z.optional(settings.check(z.describe("Labels, as env"))),
        entrypoint: z.optional(words.check(z.describe("Exactly this; []: none"))),
        cmd: z.optional(words.check(z.describe("Exactly this; []: none"))),
        ports: z.optional(ports.check(z.describe("Ports that are exposed, among others"))),
        notPorts: z.optional(ports.check(z.describe("Ports that are not exposed"))),
        volumes: z.optional(words.check(z.describe("Volumes that are declared, among others"))),
        notVolumes: z.optional(words.check(z.describe("Volumes that are not declared"))),
        cwd: z.optional(z.string("a text").check(z.describe("The working folder"))),
        user: z.optional(
          z.union([z.string(), z.int()], "a text").check(z.describe('Exactly as in the image; "": not set')),
        ),
      },
      "a mapping",
    )
    .check(z.describe("The image's configuration")),
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
export const checksFileSchema = z.strictObject({
  $schema: z.optional(z.string()),
  schemaVersion: z.literal(1, "1"),
  checks: z
    .array(
      z.union([commandCheck, httpCheck, listeningCheck, fileCheck, imageCheck, historyCheck, sizeCheck]),
      "a list",
    )
    .check(z.minLength(1, "a list that is not empty")),
});

export type Patterns = z.infer<typeof patterns>;
export type CommandEntry = z.infer<typeof commandCheck>;
export type HttpEntry = z.infer<typeof httpCheck>;
export type ListeningEntry = z.infer<typeof listeningCheck>;
export type FileEntry = z.infer<typeof fileCheck>;
export type ImageEntry = z.infer<typeof imageCheck>;
export type HistoryEntry = z.infer<typeof historyCheck>;
export type SizeEntry = z.infer<typeof sizeCheck>;
/** Keys of every check that runs in a container or sandbox. */
export type RunEntry = Omit<ListeningEntry, "listening">;
export type CheckEntry =
  CommandEntry | HttpEntry | ListeningEntry | FileEntry | ImageEntry | HistoryEntry | SizeEntry;
export type Settings = z.infer<typeof settings>;
