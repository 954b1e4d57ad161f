import type { CommandArgs } from "./command";
import { wrongUsage } from "./command-line";

/** Typed access to parsed values; `values` are by option or positional name in kebab-case. */
export function commandArguments(
  values: Readonly<Record<string, unknown>>,
  rest: readonly string[],
): CommandArgs {
  // When an option is given twice, the last value wins.
  const last = (name: string): unknown => {
    const value = values[name];
    return Array.isArray(value) ? (value as readonly unknown[]).at(-1) : value;
  };
  const text = (name: string): string | undefined => {
    const value = last(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string" || typeof value === "number") {
      if (value === "") throw wrongUsage(`${name.toUpperCase()} is empty.`);
      return String(value);
    }
    throw wrongUsage(`${name} needs a value.`);
  };
  return {
    text,
    required(name) {
      const value = text(name);
      if (value === undefined) throw wrongUsage(`${name} is missing.`);
      return value;
    },
    flag: (name) => last(name) === true,
    number(name) {
      const value = last(name);
      if (value === undefined || value === null) return undefined;
      if (typeof value !== "number" || !Number.isInteger(value) || value < 1)
        throw wrongUsage(`--${name} is ${text(name) ?? ""}; it must be a whole number of at least 1.`);
      return value;
    },
    list(name) {
      const value = values[name];
      if (value === undefined || value === null) return [];
      return (Array.isArray(value) ? (value as readonly unknown[]) : [value]).map(String);
    },
    rest,
  };
}
