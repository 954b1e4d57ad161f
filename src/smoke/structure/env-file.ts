/** Space that ends no line. */
const SPACES = "[\\t\\v\\f\\r \\u0085\\u00a0]";
const NAME = new RegExp(`^(?:export${SPACES}+)?((?:[A-Za-z0-9_.]|${SPACES})*)([^]?)`, "u");
const AROUND = new RegExp(`^${SPACES}+|${SPACES}+$`, "gu");

/**
 * An env file as container-structure-test reads it, which leaves it to godotenv 1.5.1 (its parser.go): `export` in front, values in
 * single or double quotes (over several lines too), comments, `NAME: value`, $NAME from the lines above.
 * @throws Error with what is wrong; nothing of such a file counts there
 */
export function parseEnvFile(source: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let rest = source.replaceAll("\r\n", "\n");
  for (;;) {
    rest = withoutComments(rest);
    if (rest === "") return found;
    const [name, behind] = nameIn(rest);
    const [value, after] = valueIn(behind, found);
    found.set(name, value);
    rest = after;
  }
}

function withoutComments(text: string): string {
  let rest = text.trimStart();
  while (rest.startsWith("#")) rest = rest.includes("\n") ? rest.slice(rest.indexOf("\n")).trimStart() : "";
  return rest;
}

/** The name a statement begins with, and what is behind its sign. A last line without one has no name, which no variable has. */
function nameIn(text: string): readonly [string, string] {
  const [whole = "", name = "", sign = ""] = NAME.exec(text) ?? [];
  if (sign === "") return ["", text];
  if (sign !== "=" && sign !== ":")
    throw new Error(
      `unexpected character ${JSON.stringify(sign)} in the name of a variable, near ${JSON.stringify(text.split("\n", 1)[0])}`,
    );
  return [name.trimEnd(), text.slice(whole.length).replace(new RegExp(`^${SPACES}+`, "u"), "")];
}

function valueIn(text: string, above: ReadonlyMap<string, string>): readonly [string, string] {
  const [quote = ""] = text;
  if (quote !== "'" && quote !== '"') {
    const [line = ""] = /^[^\n\r]*/u.exec(text) ?? [];
    // Of several " #" the last begins the comment.
    const said = line.replace(new RegExp(`^(.*)${SPACES}#.*$`, "u"), "$1").replace(AROUND, "");
    return [expanded(said, above), text.slice(line.length)];
  }
  for (let at = text.indexOf(quote, 1); at !== -1; at = text.indexOf(quote, at + 1)) {
    if (text[at - 1] === "\\") continue;
    const inside = text.slice(0, at).replace(new RegExp(`^${quote}+|${quote}+$`, "gu"), "");
    return [quote === '"' ? expanded(unescaped(inside), above) : inside, text.slice(at + 1)];
  }
  throw new Error(`unterminated quoted value ${text.split("\n", 1)[0] ?? ""}`);
}

function unescaped(text: string): string {
  const lines = text.replace(/\\./gu, (escape) => ({ "\\n": "\n", "\\r": "\r" })[escape] ?? escape);
  return lines.replace(/\\([^$])/gu, "$1");
}

/** Names in capital letters only; `$(NAME)` loses all but its closing bracket, as there. */
function expanded(text: string, above: ReadonlyMap<string, string>): string {
  return text.replace(
    /(\\)?\$\(?\{?([A-Z0-9_]+)?\}?/gu,
    (whole, backslash: string | undefined, name: string | undefined) =>
      backslash !== undefined ? whole.slice(1) : name === undefined ? whole : (above.get(name) ?? ""),
  );
}
