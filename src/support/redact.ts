/** Hides secret values wherever text is shown. */
export interface Redactor {
  /** The text with every known secret value replaced by ***. */
  (text: string): string;
  /** From now on this value is a secret too (values shorter than 6 characters are ignored: they would eat ordinary text). */
  add(value: string | undefined): void;
  /** The known values that say something where they are found, for checks that look for them where they must not be. */
  values(): readonly string[];
}

const SECRET_NAMES =
  /^(BL_API_KEY|BL_CLIENT_CREDENTIALS|MESA_API_KEY|MESA_ADMIN_API_KEY|MESA_ACCESS_TOKEN|MESA_PRIVATE_KEY|MESA_VAULT_PASSPHRASE|MESA_ORGS|MESA_TEMPLATE_REGISTRY_PASSWORD|GITHUB_TOKEN|GH_TOKEN|NPM_TOKEN)$/u;

/** A redactor that knows the secrets found in an environment. `MESA_ORGS=org:key` counts with its keys. */
export function createRedactor(env: Readonly<Record<string, string | undefined>>): Redactor {
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
    let shown = text;
    for (const secret of [...forms].sort((a, b) => b.length - a.length))
      shown = shown.replaceAll(secret, "***");
    return shown;
  };
  return Object.assign(redact, { add, values: (): readonly string[] => [...secrets].filter(isTelling) });
}

/** Whether finding a value somewhere says anything: a password that is an ordinary word stands in every image. */
function isTelling(secret: string): boolean {
  return secret.length >= 12 || (secret.length >= 8 && /\d/u.test(secret) && /[A-Za-z]/u.test(secret));
}

/**
 * Other ways to write `mesa_private_key_<org>_<base64url of PKCS#8 DER>`: without the whitespace around it, its body alone, the one
 * line that it has in PEM, and the 32 bytes that the key is (the last ones of the DER) as JWK and hex have them.
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

/** How a secret may stand in a text: as it is, escaped for JSON or an address, and what has several lines (a key in PEM) line by line, too. */
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

/** A value for JSON with the secrets in its texts hidden; once it is JSON, quotes and line breaks are escaped and no longer match. */
export function redactValue(value: unknown, redact: Redactor): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map((item: unknown) => redactValue(item, redact));
  if (typeof value !== "object" || value === null || "toJSON" in value) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [redact(key), redactValue(item, redact)]),
  );
}
