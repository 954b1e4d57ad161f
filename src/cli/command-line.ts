import type { CommandSpec, OptionSpec } from "./command";
import { COMMON_OPTIONS, environmentName } from "./common-options";
import { Failure } from "../support/errors";
import { nearest } from "../support/nearest";

/** The words of a command's name: "sandbox run [ref]" → ["sandbox", "run"]. */
export function commandWords(spec: CommandSpec): readonly string[] {
  return spec.usage.split(" ").filter((word) => !/^[<[]/u.test(word));
}

export interface Positional {
  readonly name: string;
  readonly required: boolean;
  readonly many: boolean;
}

/** The positionals of a command's usage, in order. */
export function positionalsOf(spec: CommandSpec): readonly Positional[] {
  return spec.usage
    .split(" ")
    .filter((word) => /^[<[]/u.test(word))
    .map((word) => ({
      name: word.slice(1, -1).replace(/\.\.$/u, ""),
      required: word.startsWith("<"),
      many: word.slice(1, -1).endsWith(".."),
    }));
}

/** All options a command takes, its own and the common ones; without a command the common ones. */
export function optionsOf(spec: CommandSpec | undefined): Readonly<Record<string, OptionSpec>> {
  return { ...COMMON_OPTIONS, ...spec?.options };
}

/** The values that options have when nobody sets them. */
export function defaultsOf(options: Readonly<Record<string, OptionSpec>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options)
      .filter(([, option]) => option.default !== undefined)
      .map(([name, option]) => [name, option.default]),
  );
}

function flagFrom(name: string, value: string): boolean {
  if (/^(1|true|yes|on)$/iu.test(value)) return true;
  if (/^(0|false|no|off|)$/iu.test(value)) return false;
  throw wrongUsage(`${name} is "${value}", which is neither true nor false.`, "Use 1 or 0.");
}

/** Values of options that the environment sets (MESA_TEMPLATE_…), for those the command takes. */
export function optionsFromEnvironment(
  options: Readonly<Record<string, OptionSpec>>,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    const variable = environmentName(name);
    const value = env[variable];
    if (value === undefined || value === "") continue;
    if (option.type === "boolean") values[name] = flagFrom(variable, value);
    else if (option.type === "number") values[name] = numberFrom(variable, value);
    else values[name] = option.array === true ? value.split(",") : value;
  }
  return values;
}

/**
 * Refuses a variable that is nearly the name of a common option: ignored, it would do without a word what nobody wanted.
 * @throws Failure USAGE (exit 2)
 */
export function refuseMistypedVariables(env: Readonly<Record<string, string | undefined>>): void {
  const front = environmentName("");
  const known = Object.keys(COMMON_OPTIONS).map((name) => environmentName(name).slice(front.length));
  for (const name of Object.keys(env)) {
    if (!name.startsWith(front) || known.includes(name.slice(front.length))) continue;
    const meant = nearest(name.slice(front.length), known);
    if (meant !== undefined) throw wrongUsage(`${name} sets no option.`, `Did you mean ${front}${meant}?`);
  }
}

function numberFrom(name: string, value: string): number {
  const number = Number(value);
  if (Number.isFinite(number)) return number;
  throw wrongUsage(`${name} is "${value}", which is not a number.`, "Give a number.");
}

/** Wrong usage: exit 2. */
export function wrongUsage(message: string, hint?: string): Failure {
  return new Failure({ code: "USAGE", kind: "usage", message, hint });
}
