import { wrongUsage } from "./command-line";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** "15m", "90s", "1h", "500ms" as milliseconds; anything else is wrong usage. */
export function parseDuration(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/u.exec(text.trim());
  const [, amount, unit] = match ?? [];
  const ms = Math.round(Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]);
  if (ms > 0) return ms;
  throw wrongUsage(
    `${option} is "${text}", which is not a duration above zero.`,
    `Write ${option} 15m, 90s or 1h.`,
  );
}
