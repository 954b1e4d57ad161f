import type { OptionSpec } from "./command";

/**
 * Options that mean the same in every command. Only these can be set as MESA_TEMPLATE_<NAME> in the environment; the command line
 * wins.
 */
export const COMMON_OPTIONS = {
  template: { type: "string", value: "a,b", describe: "only these templates (default: all)" },
  workspace: {
    type: "string",
    value: "NAME",
    describe: "Blaxel workspace (default: BL_WORKSPACE, or the one that bl uses)",
  },
  upstream: {
    type: "string",
    value: "FILE",
    describe: "use this file instead of templates/upstream.toml",
  },
  concurrency: { type: "number", describe: "work on this many templates at a time (default: CPU cores)" },
  "dry-run": { type: "boolean", describe: "print what would be done, and why; change nothing" },
  root: {
    type: "string",
    value: "DIR",
    describe:
      "folder that holds templates/ and dockerfiles/ (default: the nearest folder upwards with templates/)",
  },
  json: { type: "boolean", describe: "print exactly one JSON document on stdout" },
  events: { type: "string", value: "FILE", describe: "append events to this file, one JSON object per line" },
} as const satisfies Readonly<Record<string, OptionSpec>>;

export type CommonOption = keyof typeof COMMON_OPTIONS;

/** The common options that mean something in every command. */
export const EVERYWHERE: readonly CommonOption[] = ["root", "json", "events"];
