import { LineCounter, parseAllDocuments } from "yaml";
import { messageOf } from "../../support/errors";
import { Misshapen, type Form } from "./decode";

/** What a test file holds, with where aliases and lines are looked up. */
export interface ReadDocument {
  readonly contents: unknown;
  readonly form: Form;
}

/**
 * A test file's text as a tree of nodes that know their lines.
 * @param json whether it is read as JSON, which container-structure-test does by the file's name
 * @throws Misshapen where it is no YAML, or no JSON
 */
export function readDocument(source: string, json: boolean): ReadDocument {
  if (json) refuseAllButJson(source);
  const lines = new LineCounter();
  // A tab may indent JSON but not YAML, and stands in no text of JSON as it is: with spaces for tabs JSON is YAML.
  const text = json ? source.replaceAll("\t", " ") : source;
  // Of several documents Go's decoder reads the first. Its JSON decoder takes a key twice, and the last value.
  const documents = parseAllDocuments(text, { lineCounter: lines, version: "1.2", uniqueKeys: !json });
  const [document] = "empty" in documents ? [] : documents;
  if (document === undefined) throw new Misshapen(1, "it is empty");
  const [broken] = document.errors;
  if (broken !== undefined)
    throw new Misshapen(lines.linePos(broken.pos[0]).line, broken.message.split("\n")[0] ?? "it is not YAML");
  return { contents: document.contents, form: { json, lines, document } };
}

function refuseAllButJson(source: string): void {
  try {
    JSON.parse(source);
  } catch (error) {
    const message = messageOf(error);
    const position = /at position (\d+)/u.exec(message)?.[1];
    const before = /end of JSON/u.test(message) ? source.trimEnd() : source.slice(0, Number(position ?? 0));
    throw new Misshapen(before.split("\n").length, `it is not JSON: ${message}`);
  }
}
