/** The line that begins the versions' part, with the line breaks around it. */
export const VERSIONS_KEY = '\n  "versions": {\n';

/**
 * Where the versions' part begins (the line break before its key) in a manifest that is laid out as this program writes it,
 * versions last; undefined when somebody else wrote it. A line break never stands inside a JSON string, so that such a line
 * is a key of the outermost level and nothing else.
 * @param text valid JSON
 * @param value what it holds: its keys come in the order in which they stand in the text, whole numbers excepted
 */
export function versionsBeginAt(text: string, value: object): number | undefined {
  if (!text.startsWith('{\n  "') || !text.endsWith("\n  }\n}\n")) return undefined;
  const keys = Object.keys(value);
  if (keys.at(-1) !== "versions" || keys.some((key) => /^\d/u.test(key))) return undefined;
  const begin = text.indexOf(VERSIONS_KEY);
  return begin < 0 ? undefined : begin;
}
