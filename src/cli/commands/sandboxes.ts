import { flag, list, number, text, type CommandGroup, type OptionSpec } from "../command";

const DEFAULT_VERSION = "(default: that of stable, else the newest verified one)";

const SESSION_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  repo: list("ORG/REPO", "mount this repository; the command runs in the first"),
  mount: list(
    "REPO[:PATH][:ro|rw][@BOOKMARK]",
    "mount this repository at PATH of the mounted tree (Mesa 0.44 and newer)",
  ),
  layout: text("FILE", "mount the repositories of this layout file (Mesa 0.44 and newer)"),
  "create-repo": flag("create repositories that do not exist"),
  write: flag("mount for writing"),
  "read-only": flag("mount for reading only (the default)"),
  branch: text("NAME", "write to a new bookmark with this name, for review (Mesa 0.44 and newer)"),
  from: text("NAME", "the bookmark to create the branch from (default: main)"),
  ttl: text("TIME", "lifetime of the credential", { default: "1h" }),
  env: list("K=V", "set a variable of the command; K alone passes the caller's value on"),
  memory: number("MB", "memory of the sandbox", { default: 4096 }),
  user: text("NAME", "mount and run as this user, not root (default: the image's own user)"),
  region: text("NAME", "region, such as us-pdx-1"),
  image: text(
    "IMAGE",
    "use another image, such as blaxel/base-image:latest: Mesa is installed into it first",
  ),
  "mesa-version": text("VERSION", `with --image: the Mesa version to install ${DEFAULT_VERSION}`),
  keep: flag("leave the sandbox and its mount running"),
};

const ENVIRONMENT = "no credentials, or Blaxel or Mesa is not reachable";
const SESSION_EXITS = {
  3: ENVIRONMENT,
  7: "the sandbox or its mount failed, or a command ran until its credential ended",
} as const;

export const SANDBOXES: CommandGroup = {
  title: "Sandboxes",
  commands: [
    {
      usage: "sandbox run [ref]",
      describe: "run a command in a new sandbox with Mesa repositories mounted",
      details:
        "REF defaults to stable. The exit code is the command's own, 128 + n if it was killed by signal n. Afterwards the mount, the credential and the sandbox are removed, also after Ctrl-C.",
      options: SESSION_OPTIONS,
      common: ["template", "workspace", "upstream"],
      refusesDryRun: true,
      passesRest: true,
      examples: [
        "sandbox run stable --template debian --repo acme/app -- ls -la",
        "sandbox run 0.26.0 --template alpine --repo acme/app --write -- make test",
      ],
      exits: SESSION_EXITS,
      load: async () => (await import("../handlers/sandbox-run")).run,
    },
    {
      usage: "sandbox shell [ref]",
      describe: "open a prompt in a new sandbox with Mesa repositories mounted",
      details: "REF defaults to stable. exit or Ctrl-D ends the session and removes everything.",
      options: SESSION_OPTIONS,
      common: ["template", "workspace", "upstream"],
      refusesDryRun: true,
      examples: ["sandbox shell stable --template debian --repo acme/app --write"],
      exits: SESSION_EXITS,
      load: async () => (await import("../handlers/sandbox-shell")).run,
    },
    {
      usage: "sandbox merge <repo> <bookmark>",
      describe: "merge a session's branch into another bookmark of its repository",
      options: {
        into: text("NAME", "the bookmark that gets the changes", { default: "main" }),
        delete: flag("delete the branch after the merge"),
      },
      refusesDryRun: true,
      examples: ["sandbox merge acme/app session-17 --delete"],
      exits: { 3: "no credentials, Mesa is not reachable, or the changes conflict (nothing is merged then)" },
      load: async () => (await import("../handlers/sandbox")).mergeCommand,
    },
    {
      usage: "sandbox bootstrap <sandbox>",
      describe: "install the locked Mesa into a running sandbox that has none",
      options: {
        "mesa-version": text("VERSION", `the Mesa version to install ${DEFAULT_VERSION}`),
      },
      common: ["workspace", "upstream"],
      refusesDryRun: true,
      examples: ["sandbox bootstrap my-sandbox --mesa-version 0.26.0"],
      exits: { 3: ENVIRONMENT },
      load: async () => (await import("../handlers/sandbox")).bootstrapCommand,
    },
    {
      usage: "sandbox clean [sandbox]",
      describe: "remove the sandboxes and credentials that runs left behind",
      details:
        "With SANDBOX: only that one and its credential. Also removes the credentials and repositories of mount checks (smoke-…) that were killed on this machine.",
      common: ["workspace", "dry-run"],
      examples: ["sandbox clean --dry-run", "sandbox clean mesa-run-d716b81e7ffa"],
      exits: { 3: ENVIRONMENT },
      load: async () => (await import("../handlers/sandbox")).cleanCommand,
    },
  ],
};
