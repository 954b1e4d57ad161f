/** The value of JSON text (UTF-8), for a schema to check; undefined if there is no text or it is not JSON. */
export function parsedJson(text: string | Uint8Array | undefined): unknown {
  try {
    return JSON.parse(typeof text === "string" ? text : Buffer.from(text ?? []).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** What is at a path of parsed data; undefined if there is nothing. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  );
}
