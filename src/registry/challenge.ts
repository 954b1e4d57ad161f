/** What a registry demands before it answers (WWW-Authenticate, RFC 9110 §11.6.1). */
export type Challenge =
  | { readonly scheme: "basic" }
  | {
      readonly scheme: "bearer";
      readonly realm: string;
      readonly service: string | undefined;
      readonly scope: string | undefined;
    };

/** A scheme, or with "=" a parameter of the scheme before it: name, quoted value, plain value. */
const PART = /[\s,]*([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/gsuy;

/** Reads a WWW-Authenticate header: the Bearer challenge if there is one, else Basic, else undefined. */
export function parseChallenge(header: string | null): Challenge | undefined {
  const schemes = new Map<string, Map<string, string>>();
  let parameters = new Map<string, string>();
  for (const [, name = "", quoted, plain] of (header ?? "").matchAll(PART)) {
    const value = quoted?.replace(/\\(.)/gsu, "$1") ?? plain;
    if (value !== undefined) parameters.set(name.toLowerCase(), value);
    else schemes.set(name.toLowerCase(), (parameters = new Map<string, string>()));
  }
  const bearer = schemes.get("bearer");
  const realm = bearer?.get("realm");
  if (realm !== undefined && realm !== "")
    return { scheme: "bearer", realm, service: bearer?.get("service"), scope: bearer?.get("scope") };
  return schemes.has("basic") ? { scheme: "basic" } : undefined;
}
