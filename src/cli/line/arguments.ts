import { wrongUsage } from "../../support/errors";

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

export type CommandArgs = ReturnType<typeof commandArguments>;

/**
 * Typed access to parsed values.
 * @param values by option or positional name, as on the command line ("allow-skipped", "mesa-version")
 * @param rest the words after `--`
 * @param nameOf what sets an option, for messages: --upstream, or a variable
 */
export function commandArguments(
  values: Readonly<Record<string, unknown>>,
  rest: readonly string[],
  nameOf = (option: string): string => `--${option}`,
) {
  const text = (name: string): string | undefined => {
    const value = values[name];
    if (value === "") throw wrongUsage(`${name.toUpperCase()} is empty.`);
    return typeof value === "string" ? value : undefined;
  };
  const required = (name: string): string => {
    const value = text(name);
    if (value === undefined) throw wrongUsage(`${name} is missing.`);
    return value;
  };
  return {
    /** A positional or option that must be a non-empty string when given. */
    text,
    /** Like `text`, but missing is wrong usage (exit 2). */
    required,
    flag: (name: string): boolean => values[name] === true,
    number(name: string): number | undefined {
      const value = values[name];
      if (typeof value !== "number") return undefined;
      if (Number.isInteger(value) && value > 0) return value;
      throw wrongUsage(`${nameOf(name)} is ${String(value)}; it must be a whole number of at least 1.`);
    },
    /** Milliseconds of a text such as 15m, 90s, 1h or 500ms; the option has a default. */
    duration: (name: string): number => milliseconds(`--${name}`, required(name)),
    /** The values of an option or positional that can be given several times. */
    list: (name: string) => (values[name] ?? []) as readonly string[],
    rest,
    nameOf,
  };
}
