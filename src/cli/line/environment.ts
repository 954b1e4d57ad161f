import type { Environment } from "../../support/environment";
import { wrongUsage } from "../../support/errors";
import { didYouMean } from "../../support/text/nearest";
import { COMMON_OPTIONS, type CommandSpec, type OptionSpec } from "../command";

const PREFIX = "MESA_TEMPLATE_";

/** The environment variable that sets an option: --dry-run is MESA_TEMPLATE_DRY_RUN. */
export function environmentName(option: string): string {
  return PREFIX + option.toUpperCase().replaceAll("-", "_");
}

/** Variables that build/build-image.ts and registry/credentials.ts read. */
const OTHERS = ["BUILDER", "REGISTRY", "REGISTRY_USERNAME", "REGISTRY_PASSWORD"].map((name) => PREFIX + name);

function flagFrom(name: string, value: string): boolean {
  if (/^(1|true|yes|on)$/iu.test(value)) return true;
  if (/^(0|false|no|off)$/iu.test(value)) return false;
  throw wrongUsage(`${name} is "${value}", which is neither true nor false.`, "Use 1 or 0.");
}

function numberFrom(name: string, value: string): number {
  const number = Number(value);
  if (Number.isFinite(number)) return number;
  throw wrongUsage(`${name} is "${value}", which is not a number.`, "Give a number.");
}

/**
 * Values of the common options that the environment sets. No other option is read from it: a variable set for one command must not
 * make another one deploy.
 * @throws Failure USAGE (exit 2) when a value is not of the option's type
 */
export function optionsFromEnvironment(env: Environment): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries<OptionSpec>(COMMON_OPTIONS)) {
    const variable = environmentName(name);
    const value = env[variable];
    if (value === undefined || value === "") continue;
    if (option.type === "boolean") values[name] = flagFrom(variable, value);
    else values[name] = option.type === "number" ? numberFrom(variable, value) : value;
  }
  return values;
}

/**
 * A sentence for each MESA_TEMPLATE_… variable without effect: its option can only be set on the command line, or its name resembles one
 * with an effect. Other names may belong to a team's scripts.
 */
export function environmentWarnings(env: Environment, specs: readonly CommandSpec[]): readonly string[] {
  const known = [...Object.keys(COMMON_OPTIONS).map(environmentName), ...OTHERS];
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith(PREFIX) && env[name] !== "" && !known.includes(name),
  );
  if (unknown.length === 0) return [];
  const ownOptions = new Map(
    specs.flatMap(({ options = {} }) =>
      Object.keys(options).map((option) => [environmentName(option), option] as const),
    ),
  );
  return unknown.sort().flatMap((name) => {
    const option = ownOptions.get(name);
    if (option !== undefined)
      return [`${name} has no effect: give --${option} on the command line of the command that needs it.`];
    const suggestion = didYouMean(
      name.slice(PREFIX.length),
      known.map((one) => one.slice(PREFIX.length)),
    );
    return suggestion === ""
      ? []
      : [`${name} has no effect. ${suggestion.replace("mean ", `mean ${PREFIX}`)}`];
  });
}
