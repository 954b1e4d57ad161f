import type { Environment } from "./environment";

/** Hides secret values in everything that is shown. */
export interface Redactor {
  /** The text with every known secret value replaced by ***. */
  (text: string): string;
  /** Adds a secret value (ignored below 6 characters: it would match ordinary text). */
  add(value: string | undefined): void;
  /** The secret values that are unmistakable, for checks that search where they must not be. */
  values(): readonly string[];
}

const SECRET_NAMES =
  /^(BL_API_KEY|BL_CLIENT_CREDENTIALS|MESA_API_KEY|MESA_ADMIN_API_KEY|MESA_ACCESS_TOKEN|MESA_PRIVATE_KEY|MESA_VAULT_PASSPHRASE|MESA_ORGS|MESA_TEMPLATE_REGISTRY_PASSWORD|GITHUB_TOKEN|GH_TOKEN|NPM_TOKEN)$/u;

/** Private keys in PEM, which need not be known, as one given where its file belongs is not. */
const PRIVATE_KEYS = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?-----END [A-Z ]*PRIVATE KEY-----/gu;

/** A redactor with the secrets of an environment. Knows the keys in `MESA_ORGS=org:key` too. */
export function createRedactor(env: Environment): Redactor {
  const secrets = new Set<string>();
  const forms = new Set<string>();
  const add = (value: string | undefined): void => {
    if (value === undefined || value.length < 6) return;
    secrets.add(value);
    for (const form of formsOf(value)) forms.add(form);
  };
  for (const [name, value] of Object.entries(env)) {
    if (!SECRET_NAMES.test(name) || value === undefined) continue;
    if (name === "MESA_ORGS") for (const pair of value.split(",")) add(pair.slice(pair.indexOf(":") + 1));
    else add(value);
    if (name === "MESA_PRIVATE_KEY") for (const form of privateKeyForms(value)) add(form);
  }
  const redact = (text: string): string => {
    let shown = text.replace(PRIVATE_KEYS, "***");
    for (const secret of [...forms].sort((a, b) => b.length - a.length))
      shown = shown.replaceAll(secret, "***");
    return shown;
  };
  return Object.assign(redact, { add, values: (): readonly string[] => [...secrets].filter(isTelling) });
}

/** Whether finding a value proves anything: a password that is an ordinary word occurs in every image. */
function isTelling(secret: string): boolean {
  return secret.length >= 12 || (secret.length >= 8 && /\d/u.test(secret) && /[A-Za-z]/u.test(secret));
}

/**
 * Other forms of `mesa_private_key_<org>_<base64url of PKCS#8 DER>`: trimmed, its body alone, the single line of its PEM, and the 32 key
 * bytes (the end of the DER) as in JWK and in hex.
 */
function privateKeyForms(value: string): readonly string[] {
  const body = /^mesa_private_key_[^_]*_(.+)$/su.exec(value.trim())?.[1] ?? "";
  const der = Buffer.from(body, "base64url");
  const seed = der.length === 48 ? der.subarray(-32) : Buffer.alloc(0);
  return [
    value.trim(),
    body,
    der.toString("base64"),
    seed.toString("base64url"),
    seed.toString("base64"),
    der.toString("hex"),
    seed.toString("hex"),
  ];
}

/** How a secret can appear in text: as it is, escaped for JSON or a URL, and a multi-line one (a PEM key) also line by line. */
function formsOf(value: string): readonly string[] {
  const forms = [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)];
  const lines = value
    .split(/\r?\n|\\n/u)
    .map((line) => line.trim())
    .filter((line) => line.length >= 12 && !line.startsWith("-----"));
  if (lines.length > 0 && lines[0] !== value) {
    const body = lines.join("");
    for (const text of [...lines, body])
      forms.push(text, text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/u, ""));
  }
  return forms;
}

/** A JSON value with the secrets in its strings hidden. After serialization, escaped quotes and line breaks would no longer match. */
export function redactValue(value: unknown, redact: Redactor): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map((item: unknown) => redactValue(item, redact));
  if (typeof value !== "object" || value === null || "toJSON" in value) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [redact(key), redactValue(item, redact)]),
  );
}
