/** The value of JSON text (UTF-8), for a schema to check; undefined if there is no text or it is not JSON. */
export function parsedJson(text: string | Uint8Array | undefined): unknown {
  try {
    return JSON.parse(typeof text === "string" ? text : Buffer.from(text ?? []).toString("utf8"));
  } catch {
    return undefined;
  }
}
