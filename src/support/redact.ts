/** Hides secret values wherever text is shown. */
export interface Redactor {
  /** The text with every known secret value replaced by ***. */
  (text: string): string;
  /** From now on this value is a secret too (values shorter than 6 characters are ignored: they would eat ordinary text). */
  add(value: string | undefined): void;
  /** The known values, for checks that look for them where they must not be. */
  values(): readonly string[];
}

const SECRET_NAMES =
  /^(BL_API_KEY|BL_CLIENT_CREDENTIALS|MESA_API_KEY|MESA_ADMIN_API_KEY|MESA_ACCESS_TOKEN|MESA_PRIVATE_KEY|MESA_VAULT_PASSPHRASE|MESA_ORGS|MESA_TEMPLATE_REGISTRY_PASSWORD|GITHUB_TOKEN|GH_TOKEN|NPM_TOKEN)$/u;

/** A redactor that knows the secrets found in an environment. `MESA_ORGS=org:key` counts with its keys. */
export function createRedactor(env: Readonly<Record<string, string | undefined>>): Redactor {
  const secrets = new Set<string>();
  const add = (value: string | undefined): void => {
    if (value !== undefined && value.length >= 6) secrets.add(value);
  };
  for (const [name, value] of Object.entries(env)) {
    if (!SECRET_NAMES.test(name) || value === undefined) continue;
    if (name === "MESA_ORGS") for (const pair of value.split(",")) add(pair.slice(pair.indexOf(":") + 1));
    else add(value);
  }
  const redact = (text: string): string => {
    let shown = text;
    for (const secret of [...secrets].sort((a, b) => b.length - a.length))
      shown = shown.replaceAll(secret, "***");
    return shown;
  };
  return Object.assign(redact, { add, values: (): readonly string[] => [...secrets] });
}
