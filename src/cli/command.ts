import type { Run } from "../release/run";
import type { ExitCode } from "../support/errors";
import type { CommandArgs } from "./line/arguments";

/** An option of one command. COMMON_OPTIONS holds those that mean the same everywhere. */
export interface OptionSpec {
  readonly type: "string" | "boolean" | "number";
  readonly describe: string;
  /** Can be given several times; the value is then an array. */
  readonly array?: boolean;
  readonly default?: string | boolean | number;
  readonly choices?: readonly string[];
  readonly alias?: string;
  /** Placeholder of its value in help: FILE, TIME. Default: the choices. */
  readonly value?: string;
}

type More = Partial<Pick<OptionSpec, "default" | "alias">>;

export function flag(describe: string, more: More = {}): OptionSpec {
  return { type: "boolean", describe, ...more };
}

export function text(value: string, describe: string, more: More = {}): OptionSpec {
  return { type: "string", value, describe, ...more };
}

export function number(value: string, describe: string, more: More = {}): OptionSpec {
  return { type: "number", value, describe, ...more };
}

export function list(value: string, describe: string): OptionSpec {
  return { type: "string", array: true, value, describe };
}

export function choice(choices: readonly string[], describe: string, more: More = {}): OptionSpec {
  return { type: "string", choices, describe, ...more };
}

/**
 * Options that mean the same in every command. Only these can be set as MESA_TEMPLATE_<NAME> in the environment; the command line
 * wins.
 */
export const COMMON_OPTIONS = {
  template: text("a,b", "only these templates (default: all)"),
  workspace: text("NAME", "Blaxel workspace (default: BL_WORKSPACE, or the one that bl uses)"),
  upstream: text("FILE", "use this file instead of templates/upstream.toml"),
  concurrency: number("N", "work on this many templates at a time (default: CPU cores)"),
  "dry-run": flag("print what would be done, and why; change nothing"),
  root: text(
    "DIR",
    "folder that holds templates/ and dockerfiles/ (default: the nearest folder upwards with templates/)",
  ),
  json: flag("print exactly one JSON document on stdout"),
  events: text("FILE", "append events to this file, one JSON object per line"),
};

export type CommonOption = keyof typeof COMMON_OPTIONS;

/** The common options that mean something in every command. */
export const EVERYWHERE: readonly CommonOption[] = ["root", "json", "events"];

/** A command as data: help, completion and documentation come from it. Its code is loaded only when it runs. */
export interface CommandSpec {
  /** "promote <ref> <channel>", "scan [refs..]", "sandbox run [ref]". The words before the first < or [ are its name. */
  readonly usage: string;
  /** One imperative phrase in lower case without a period: its line in the command list. */
  readonly describe: string;
  /** Further sentences of its help. */
  readonly details?: string;
  /** Command lines without the program's name. */
  readonly examples?: readonly string[];
  /** Meaning of its exit codes, besides 0 and 2. */
  readonly exits?: Readonly<Partial<Record<number, string>>>;
  /** The common options that apply to this command, besides those of every command (root, json, events). */
  readonly common?: readonly CommonOption[];
  /** Whether it refuses --dry-run, which it does not support, because it would act anyway. */
  readonly refusesDryRun?: boolean;
  /** The question to ask when positionals are missing, by the given ones; default: by the first missing one. */
  readonly whenMissing?: (given: readonly string[]) => string;
  readonly options?: Readonly<Record<string, OptionSpec>>;
  /** Whether everything after `--` belongs to the command (sandbox run … -- COMMAND). */
  readonly passesRest?: boolean;
  readonly load: () => Promise<CommandHandler>;
}

/** A group of commands in help. */
export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly CommandSpec[];
}

export type CommandHandler = (args: CommandArgs, context: CommandContext) => Promise<CommandOutcome>;

export interface CommandContext extends Run {
  /** --root or the working directory (absolute); it need not be a project. */
  readonly startFolder: string;
  /** --template a,b ; undefined: all. */
  readonly templates: readonly string[] | undefined;
  readonly concurrency: number;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly terminal: Terminal;
}

export interface Terminal {
  /** Whether to ask questions: stdin and stderr are terminals, not CI, not --json. */
  readonly interactive: boolean;
  /** Columns of stdout; undefined when it is piped (then nothing is wrapped). */
  readonly width: number | undefined;
  /** Writes raw text to stdout at once; for output that streams. Never used with --json. */
  stdout(text: string | Uint8Array): void;
  stderr(text: string | Uint8Array): void;
  /** Asks a yes/no question on stderr; only when interactive. */
  confirm(question: string): Promise<boolean>;
}

/** The result of a command. */
export interface CommandOutcome {
  /** Default: the error's, 0 without one. */
  readonly exitCode?: ExitCode;
  /** Errors that `text` does not tell: people see them on stderr. */
  readonly errors?: readonly unknown[];
  /** Default: the first of these. */
  readonly error?: unknown;
  /** With --json printed as exactly one document, after `ok` and the error's own document. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Whether `json` is the whole document. */
  readonly isWhole?: boolean;
  /** For people, on stdout; "" prints nothing. A missing trailing newline is added. */
  readonly text: string;
}
