/** What a registry demands before it answers (WWW-Authenticate, RFC 9110 §11.6.1). */
export type Challenge =
  | { readonly scheme: "basic" }
  | {
      readonly scheme: "bearer";
      readonly realm: string;
      readonly service: string | undefined;
      readonly scope: string | undefined;
    };

/** Reads a WWW-Authenticate header: the Bearer challenge if there is one, else Basic, else undefined. */
export function parseChallenge(header: string | null): Challenge | undefined {
  if (header === null) return undefined;
  const bearer = /(?:^|[\s,])bearer\s+(?<parameters>.*)$/isu.exec(header)?.groups?.["parameters"];
  const realm = bearer === undefined ? undefined : parameter(bearer, "realm");
  if (bearer !== undefined && realm !== undefined) {
    return {
      scheme: "bearer",
      realm,
      service: parameter(bearer, "service"),
      scope: parameter(bearer, "scope"),
    };
  }
  return /(?:^|[\s,])basic(?:\s|$)/iu.test(header) ? { scheme: "basic" } : undefined;
}

function parameter(text: string, name: string): string | undefined {
  const match = new RegExp(`(?:^|[\\s,])${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]+))`, "iu").exec(
    text,
  );
  return match === null ? undefined : (match[1]?.replace(/\\(.)/gu, "$1") ?? match[2]);
}
