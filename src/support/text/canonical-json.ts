/** JSON with sorted keys, two spaces and a trailing newline: the same value is always the same bytes. */
export function canonicalJson(value: unknown): string {
  return `${JSON.stringify(value, withSortedKeys, 2)}\n`;
}

function withSortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
