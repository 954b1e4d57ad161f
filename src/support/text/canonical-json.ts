function isSorted(keys: readonly string[]): boolean {
  for (let at = 1; at < keys.length; at += 1) if ((keys[at - 1] ?? "") > (keys[at] ?? "")) return false;
  return true;
}

/** The value with sorted keys and without undefined; parts that are already so are reused. */
function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value as readonly unknown[];
    const mapped = items.map(sorted);
    return mapped.every((item, at) => item === items[at]) ? value : mapped;
  }
  const record = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(record);
  const children = keys.map((key) => sorted(record[key]));
  if (
    isSorted(keys) &&
    children.every((child, at) => child !== undefined && child === record[keys[at] ?? ""])
  ) {
    return value;
  }
  const pairs = keys
    .map((key, at) => [key, children[at]] as const)
    .filter(([, child]) => child !== undefined);
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** JSON with sorted keys, two spaces and a trailing newline: the same value is always the same bytes. */
export function canonicalJson(value: unknown): string {
  return `${JSON.stringify(sorted(value), null, 2)}\n`;
}
