import type { Patterns } from "./schema";

const MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };
const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

function times(text: string, units: Readonly<Record<string, number>>): number {
  const [, amount, unit] = /^([\d.]+) ?([A-Za-z]+)$/u.exec(text) ?? [];
  return Math.round(Number(amount) * (units[unit ?? ""] ?? Number.NaN));
}

/** "10s" as milliseconds; the schema has already checked the form. */
export function milliseconds(duration: string): number {
  return times(duration, MS);
}

/** "300 MB" (a million each), "300 MiB" (2^20 each), or a bare number, as bytes. */
export function bytes(size: number | string): number {
  return typeof size === "number" ? size : times(size, BYTES);
}

function listOf(patterns: string | readonly string[] | undefined): readonly string[] {
  if (patterns === undefined) return [];
  return typeof patterns === "string" ? [patterns] : patterns;
}

/** Patterns in all notations, split into those that must match and those that must not. */
export function bothWays(patterns: Patterns | undefined): {
  readonly match: readonly string[];
  readonly not: readonly string[];
} {
  if (patterns === undefined || typeof patterns === "string" || Array.isArray(patterns))
    return { match: listOf(patterns), not: [] };
  return { match: listOf(patterns.match), not: listOf(patterns.not) };
}
