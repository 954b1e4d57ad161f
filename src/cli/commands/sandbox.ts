import type { CommandSpec, OptionSpec } from "../command";

const SESSION_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  repo: {
    type: "string",
    array: true,
    describe: "repository ORG/REPO to mount (repeatable; the command runs in the first)",
  },
  "create-repo": { type: "boolean", describe: "make repositories that do not exist" },
  write: { type: "boolean", describe: "mount for writing" },
  "read-only": { type: "boolean", describe: "mount for reading only (the default)" },
  ttl: { type: "string", describe: "how long the credential holds, e.g. 1h", default: "1h" },
  env: {
    type: "string",
    array: true,
    describe: "K=V for the command, or K to take the value of the caller's variable (repeatable)",
  },
  memory: { type: "number", describe: "memory in MB", default: 4096 },
  region: { type: "string", describe: "region, e.g. us-pdx-1" },
  image: {
    type: "string",
    describe: "another image, e.g. blaxel/base-image:latest: Mesa is brought into it first",
  },
  "mesa-version": { type: "string", describe: "with --image: which Mesa to bring in" },
  keep: { type: "boolean", describe: "leave sandbox and mount running" },
};

export const sandboxRunCommand: CommandSpec = {
  usage: "sandbox run [ref]",
  describe: "run a command in a fresh sandbox with Mesa repositories mounted: … -- COMMAND",
  options: SESSION_OPTIONS,
  passesRest: true,
  load: () => import("../handlers/sandbox-run"),
};
export const sandboxCleanCommand: CommandSpec = {
  usage: "sandbox clean [sandbox]",
  describe: "find and remove what runs left behind (all of it, or one sandbox and its credential)",
  load: () => import("../handlers/sandbox-clean"),
};
export const sandboxShellCommand: CommandSpec = {
  usage: "sandbox shell [ref]",
  describe: "the same, ending in a prompt at the mounted path",
  options: SESSION_OPTIONS,
  load: () => import("../handlers/sandbox-shell"),
};
export const sandboxBootstrapCommand: CommandSpec = {
  usage: "sandbox bootstrap <sandbox>",
  describe: "bring the pinned Mesa into a running sandbox that has none",
  options: {
    "mesa-version": { type: "string", describe: "which Mesa (default: the newest in the manifest)" },
  },
  load: () => import("../handlers/sandbox-bootstrap"),
};
