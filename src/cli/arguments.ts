import type { CommandArgs } from "./command";
import { wrongUsage } from "./command-line";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** "15m", "90s", "1h", "500ms" as milliseconds; anything else is wrong usage. */
function milliseconds(option: string, text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/u.exec(text.trim()) ?? [];
  const ms = Math.round(Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]);
  if (ms > 0) return ms;
  throw wrongUsage(
    `${option} is "${text}", which is not a duration above zero.`,
    `Write ${option} 15m, 90s or 1h.`,
  );
}

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
    if (value === "") throw wrongUsage(`${name.toUpperCase()} is empty.`);
    return typeof value === "string" ? value : undefined;
  };
  const required = (name: string): string => {
    const value = text(name);
    if (value === undefined) throw wrongUsage(`${name} is missing.`);
    return value;
  };
  return {
    text,
    required,
    flag: (name) => last(name) === true,
    number(name) {
      const value = last(name);
      if (typeof value !== "number") return undefined;
      if (Number.isInteger(value) && value > 0) return value;
      throw wrongUsage(`--${name} is ${String(value)}; it must be a whole number of at least 1.`);
    },
    duration: (name) => milliseconds(`--${name}`, required(name)),
    list(name) {
      const value = values[name] ?? [];
      return (Array.isArray(value) ? (value as readonly unknown[]) : [value]).map(String);
    },
    rest,
  };
}
