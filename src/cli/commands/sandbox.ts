import type { CommandSpec, OptionSpec } from "../command";

const SESSION_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  repo: {
    type: "string",
    array: true,
    value: "ORG/REPO",
    describe: "mount this repository; the command runs in the first",
  },
  mount: {
    type: "string",
    array: true,
    value: "REPO[:PATH][:ro|rw][@BOOKMARK]",
    describe: "mount this repository at PATH of the mounted tree (Mesa 0.44 and newer)",
  },
  layout: {
    type: "string",
    value: "FILE",
    describe: "mount the repositories of this layout file (Mesa 0.44 and newer)",
  },
  "create-repo": { type: "boolean", describe: "create repositories that do not exist" },
  write: { type: "boolean", describe: "mount for writing" },
  "read-only": { type: "boolean", describe: "mount for reading only (the default)" },
  branch: {
    type: "string",
    value: "NAME",
    describe: "write to a new bookmark with this name, for review (Mesa 0.44 and newer)",
  },
  from: {
    type: "string",
    value: "NAME",
    describe: "the bookmark that the branch is made from (default: main)",
  },
  ttl: { type: "string", value: "TIME", describe: "lifetime of the credential", default: "1h" },
  env: {
    type: "string",
    array: true,
    value: "K=V",
    describe: "set a variable of the command; K alone passes the caller's value on",
  },
  memory: { type: "number", value: "MB", describe: "memory of the sandbox", default: 4096 },
  user: {
    type: "string",
    value: "NAME",
    describe: "mount and run as this user, not root (default: the image's own user)",
  },
  region: { type: "string", value: "NAME", describe: "region, such as us-pdx-1" },
  image: {
    type: "string",
    value: "IMAGE",
    describe: "use another image, such as blaxel/base-image:latest: Mesa is installed into it first",
  },
  "mesa-version": { type: "string", value: "VERSION", describe: "with --image: the Mesa version to install" },
  keep: { type: "boolean", describe: "leave the sandbox and its mount running" },
};

const ENVIRONMENT = "no credentials, or Blaxel or Mesa is not reachable";

export const sandboxRunCommand: CommandSpec = {
  usage: "sandbox run [ref]",
  describe: "run a command in a new sandbox with Mesa repositories mounted",
  details:
    "REF defaults to stable. The exit code is the command's own, 128 + n if it was killed by signal n. Afterwards the mount, the credential and the sandbox are removed, also after Ctrl-C.",
  options: SESSION_OPTIONS,
  common: ["template", "workspace", "upstream"],
  changes: true,
  passesRest: true,
  examples: [
    "sandbox run stable --template debian --repo acme/app -- ls -la",
    "sandbox run 0.26.0 --template alpine --repo acme/app --write -- make test",
  ],
  exits: { 3: ENVIRONMENT },
  load: () => import("../handlers/sandbox-run"),
};
export const sandboxMergeCommand: CommandSpec = {
  usage: "sandbox merge <repo> <bookmark>",
  describe: "merge a session's branch into another bookmark of its repository",
  options: {
    into: { type: "string", value: "NAME", describe: "the bookmark that gets the changes", default: "main" },
    delete: { type: "boolean", describe: "delete the branch after the merge" },
  },
  changes: true,
  examples: ["sandbox merge acme/app session-17 --delete"],
  exits: { 3: "no credentials, Mesa is not reachable, or the changes conflict (nothing is merged then)" },
  load: () => import("../handlers/sandbox-merge"),
};
export const sandboxShellCommand: CommandSpec = {
  usage: "sandbox shell [ref]",
  describe: "open a prompt in a new sandbox with Mesa repositories mounted",
  options: SESSION_OPTIONS,
  common: ["template", "workspace", "upstream"],
  changes: true,
  examples: ["sandbox shell stable --template debian --repo acme/app --write"],
  exits: { 3: ENVIRONMENT },
  load: () => import("../handlers/sandbox-shell"),
};
export const sandboxBootstrapCommand: CommandSpec = {
  usage: "sandbox bootstrap <sandbox>",
  describe: "install the locked Mesa into a running sandbox that has none",
  options: {
    "mesa-version": {
      type: "string",
      value: "VERSION",
      describe: "the Mesa version to install (default: the newest in the manifest)",
    },
  },
  common: ["workspace", "upstream"],
  changes: true,
  examples: ["sandbox bootstrap my-sandbox --mesa-version 0.26.0"],
  exits: { 3: ENVIRONMENT },
  load: () => import("../handlers/sandbox-bootstrap"),
};
export const sandboxCleanCommand: CommandSpec = {
  usage: "sandbox clean [sandbox]",
  describe: "remove the sandboxes and credentials that runs left behind",
  details:
    "With SANDBOX: only that one and its credential. Of mount checks (smoke-…) that were killed on this machine, the credential and the repository too.",
  common: ["workspace", "dry-run"],
  changes: true,
  examples: ["sandbox clean --dry-run", "sandbox clean mesa-run-d716b81e7ffa"],
  exits: { 3: ENVIRONMENT },
  load: () => import("../handlers/sandbox-clean"),
};
