/** Answers after which the same request may succeed a moment later (RFC 9110 and habit). */
export const RETRIED_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

const LONGEST_WAIT_MS = 60_000;

/** Retry-After in ms: seconds, or a date seen from `now` (ms since the epoch); undefined when it is absent or neither. RFC 9110 §10.2.3. */
export function retryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\s*\d+\s*$/u.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** How long to wait (ms) after attempt n (from 1): what the other side asks for, else 0.3 s, 0.9 s, 2.7 s; undefined when it asks for over a minute. */
export function waitBeforeRetry(attempt: number, asked: number | undefined): number | undefined {
  if (asked === undefined) return 300 * 3 ** (attempt - 1);
  return asked > LONGEST_WAIT_MS ? undefined : asked;
}
