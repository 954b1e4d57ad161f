import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Document,
  type LineCounter,
  type Node,
  type Pair,
  type Scalar,
} from "yaml";
import { yamlFlag, yamlWhole } from "./yaml-values";

/** A file does not have the form it must have. */
export class Misshapen extends Error {
  constructor(
    readonly line: number,
    what: string,
  ) {
    super(what);
  }
}
Misshapen.prototype.name = "Misshapen";

/** How strictly a file is read: YAML refuses unknown keys and takes 8080 for "8080"; JSON does neither (container-structure-test uses Go's two decoders). */
export interface Form {
  readonly json: boolean;
  readonly lines: LineCounter;
  /** Where aliases are looked up. */
  readonly document: Document;
}

/** Reads one value of a file. `where` names it for messages. */
export type Decoder<T> = (node: unknown, form: Form, where: string) => T;

/** Line (from 1) a node begins at. */
export function lineOf(node: unknown, form: Form): number {
  const range = (node as Partial<Node> | null | undefined)?.range;
  return range === null || range === undefined ? 1 : form.lines.linePos(range[0]).line;
}

function refused(node: unknown, form: Form, where: string, wanted: string): Misshapen {
  const is = isMap(node)
    ? "a mapping"
    : isSeq(node)
      ? "a list"
      : isScalar(node)
        ? JSON.stringify(node.value)
        : "nothing";
  return new Misshapen(lineOf(node, form), `${where} must be ${wanted}, not ${is}`);
}

/** What an alias stands for; every other node is itself. */
function meant(node: unknown, form: Form): unknown {
  return isAlias(node) ? node.resolve(form.document) : node;
}

/** The pairs of a mapping with those merged into it (<<), where they stand: the last of a name counts, merged or not (yaml.v2, decode.go). */
function pairsOf(node: unknown, form: Form): readonly Pair[] {
  const map = meant(node, form);
  if (!isMap(map)) return [];
  return map.items.flatMap((pair) => {
    if (form.json || !isScalar(pair.key) || pair.key.value !== "<<") return [pair];
    const source = meant(pair.value, form);
    // Of several the earlier wins.
    return (isSeq(source) ? [...source.items].reverse() : [source]).flatMap((one) => pairsOf(one, form));
  });
}

function isNothing(node: unknown): boolean {
  return node === undefined || node === null || (isScalar(node) && node.value === null);
}

/** What a scalar without quotes says; in quotes, or as a block, it is a text whatever it says. */
function plain(node: Scalar): string | undefined {
  return node.type === "PLAIN" ? node.source : undefined;
}

export const text: Decoder<string> = (node, form, where) => {
  if (isNothing(node)) return "";
  if (isScalar(node)) {
    if (typeof node.value === "string") return node.value;
    if (!form.json && (typeof node.value === "number" || typeof node.value === "boolean"))
      return node.source ?? String(node.value);
  }
  throw refused(node, form, where, "a text");
};

/**
 * A value that has a meaning where it is left out, `absent`. A null is left out in JSON; in YAML it is the empty value: yaml.v2 sets
 * 0 or false there, whatever stood before.
 */
function scalar<T>(
  absent: T,
  empty: T,
  wanted: string,
  read: (written: string, json: boolean) => T | undefined,
): Decoder<T> {
  return (node, form, where) => {
    if (node === undefined) return absent;
    if (isNothing(node)) return form.json ? absent : empty;
    const written = isScalar(node) ? plain(node) : undefined;
    const value = written === undefined ? undefined : read(written, form.json);
    if (value === undefined) throw refused(node, form, where, wanted);
    return value;
  };
}

/** A whole number; `absent` where there is none. */
export function whole(absent: number): Decoder<number> {
  return scalar(absent, 0, "a whole number", (written, json) =>
    json ? (/^-?\d+$/u.test(written) ? Number(written) : undefined) : yamlWhole(written),
  );
}

/** True or false; `absent` where nothing is said. */
export function flag(absent: boolean): Decoder<boolean> {
  return scalar(absent, false, "true or false", (written, json) =>
    json ? { true: true, false: false }[written] : yamlFlag(written),
  );
}

/** A list; nothing is an empty one. */
export function list<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (node, form, where) => listOrNothing(item)(node, form, where) ?? [];
}

/** A list; nothing is undefined. */
export function listOrNothing<T>(item: Decoder<T>): Decoder<readonly T[] | undefined> {
  return (node, form, where) => {
    if (isNothing(node)) return undefined;
    if (!isSeq(node)) throw refused(node, form, where, "a list");
    return node.items.map((one, index) => item(meant(one, form), form, `${where}[${String(index)}]`));
  };
}

/** A mapping with these keys; `line` of the result is where it begins. */
export function mapping<T extends object>(fields: { readonly [K in keyof T]: Decoder<T[K]> }): Decoder<
  T & { readonly line: number }
> {
  const names = Object.keys(fields);
  return (node, form, where) => {
    if (!isNothing(node) && !isMap(node)) throw refused(node, form, where, "a mapping");
    const found = new Map<string, unknown>();
    for (const { key, value } of pairsOf(node, form)) {
      const name = isScalar(key) ? String(key.value) : "";
      const known = names.find(
        (one) => one === name || (form.json && one.toLowerCase() === name.toLowerCase()),
      );
      if (known === undefined) {
        if (form.json) continue;
        throw new Misshapen(
          lineOf(key, form),
          `there is no field ${name === "" ? "of that kind" : name}${where === "" ? "" : ` in ${where}`} (there are: ${names.join(", ")})`,
        );
      }
      // The last of a name counts: JSON may say one twice.
      found.set(known, meant(value, form) ?? null);
    }
    const values = Object.fromEntries(
      names.map((name) => [
        name,
        fields[name as keyof T](found.get(name), form, where === "" ? name : `${where}.${name}`),
      ]),
    );
    return { ...values, line: isNothing(node) ? 0 : lineOf(node, form) } as T & { readonly line: number };
  };
}
