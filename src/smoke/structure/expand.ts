const SPECIAL = /^[*#$@!?0-9-]$/u;
const NAME = /^[A-Za-z0-9_]+/u;

/** What stands behind a dollar: the name, and how many characters it took. ["", n > 0]: bad syntax, eaten; ["", 0]: no name, the dollar stays. */
function nameBehind(rest: string): readonly [string, number] {
  const first = rest[0] ?? "";
  if (first === "{") {
    if (rest.length > 2 && SPECIAL.test(rest[1] ?? "") && rest[2] === "}") return [rest[1] ?? "", 3];
    const end = rest.indexOf("}", 1);
    if (end === 1) return ["", 2];
    return end === -1 ? ["", 1] : [rest.slice(1, end), end + 1];
  }
  if (SPECIAL.test(first)) return [first, 1];
  const name = NAME.exec(rest)?.[0] ?? "";
  return [name, name.length];
}

/**
 * Go's os.Expand, which container-structure-test applies to commands, arguments and paths: $NAME and ${NAME} from `env`, unknown ones
 * and the shell's specials ($1 $$ $? …) empty, `$(` and a lone dollar as they are.
 */
export function expand(text: string, env: ReadonlyMap<string, string>): string {
  let out = "";
  let at = 0;
  for (
    let dollar = text.indexOf("$");
    dollar !== -1 && dollar + 1 < text.length;
    dollar = text.indexOf("$", at)
  ) {
    out += text.slice(at, dollar);
    const [name, width] = nameBehind(text.slice(dollar + 1));
    if (name !== "") out += env.get(name) ?? "";
    else if (width === 0) out += "$";
    at = dollar + 1 + width;
  }
  return out + text.slice(at);
}

/** NAME=value entries of an image as a map; the last one of a name counts. */
export function environmentOf(entries: readonly string[]): Map<string, string> {
  return new Map(
    entries.map((entry) => {
      const equals = entry.indexOf("=");
      return equals === -1
        ? ([entry, ""] as const)
        : ([entry.slice(0, equals), entry.slice(equals + 1)] as const);
    }),
  );
}
