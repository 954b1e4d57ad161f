import type { OptionSpec } from "./command";

/** Options that mean the same in every command. Each can be set as MESA_TEMPLATE_<NAME> in the environment; the command line wins. */
export const COMMON_OPTIONS = {
  template: { type: "string", describe: "only these templates, comma-separated (default: all)" },
  root: {
    type: "string",
    describe:
      "folder that holds templates/ and dockerfiles/ (default: the nearest folder upwards with templates/)",
  },
  workspace: {
    type: "string",
    describe: "Blaxel workspace (default: BL_WORKSPACE, or the one that bl uses)",
  },
  upstream: { type: "string", describe: "another upstream.toml" },
  concurrency: { type: "number", describe: "how many templates at a time (default: cores)" },
  "dry-run": { type: "boolean", describe: "say what would be done, and why" },
  json: { type: "boolean", describe: "exactly one JSON document on stdout" },
  events: { type: "string", describe: "append what happens to this file, one JSON object a line" },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** The environment variable that sets an option: --dry-run is MESA_TEMPLATE_DRY_RUN. */
export function environmentName(option: string): string {
  return `MESA_TEMPLATE_${option.toUpperCase().replaceAll("-", "_")}`;
}
