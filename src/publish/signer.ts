import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { digestOf } from "../support/text/digest";
import { Failure, messageOf } from "../support/errors";
import { readIfPresent } from "../support/files/files";
import type { Host } from "../support/host";
import { runOther } from "../support/processes/other-program";
import { outputLines } from "../support/text/output-lines";

/** The signer of published images: a private key, or cosign with the pipeline's own identity. */
export type Signer =
  | { readonly kind: "key"; readonly id: string; readonly key: KeyObject }
  | { readonly kind: "cosign"; readonly id: "cosign" };

/** Time limit for one run of cosign, in ms: it calls an identity provider, a certificate authority and a log. */
const COSIGN_MS = 300_000;

/**
 * The signer from --sign-key (FILE or env:NAME) and --sign cosign; undefined: nobody.
 * @throws Failure SIGN_KEY (exit 2), COSIGN_MISSING (exit 3)
 */
export async function signerFrom(
  host: Host,
  { signKey, sign }: { readonly signKey: string | undefined; readonly sign: string | undefined },
): Promise<Signer | undefined> {
  if (signKey !== undefined && sign !== undefined)
    throw unusableKey("--sign-key and --sign exclude each other", "Give one of them.");
  if (signKey !== undefined) {
    const key = await keyIn(host, "--sign-key", signKey, createPrivateKey);
    return { kind: "key", id: keyId(createPublicKey(key)), key };
  }
  if (sign === undefined) return undefined;
  await runCosign(host, ["version"]);
  return { kind: "cosign", id: "cosign" };
}

/** The key to check signatures with (--key FILE or env:NAME), and its id. @throws Failure SIGN_KEY (exit 2) */
export async function verificationKey(
  host: Host,
  source: string,
): Promise<{ readonly key: KeyObject; readonly id: string }> {
  const key = await keyIn(host, "--key", source, createPublicKey);
  return { key, id: keyId(key) };
}

/** A key's id: the digest of its public part (SubjectPublicKeyInfo, DER). */
function keyId(key: KeyObject): string {
  return digestOf(key.export({ type: "spki", format: "der" }));
}

async function keyIn(
  host: Host,
  option: string,
  source: string,
  parse: (text: string) => KeyObject,
): Promise<KeyObject> {
  if (source.includes("-----BEGIN"))
    throw unusableKey(`${option} is the key itself`, "Name its file, or the variable that has it: env:NAME.");
  const name = source.startsWith("env:") ? source.slice("env:".length) : undefined;
  let key: KeyObject;
  try {
    const text = name === undefined ? (await readIfPresent(source))?.toString("utf8") : host.env[name];
    if (text === undefined)
      throw new Error(name === undefined ? "there is no such file" : "the variable is not set");
    if (text.includes("PRIVATE KEY-----")) host.redact.add(text);
    key = parse(text);
  } catch (error) {
    throw unusableKey(
      `${option} ${source} holds no key that can be read: ${host.redact(messageOf(error)).replace(/^error:.*/u, "it is not a PEM key without a passphrase")}`,
      "A private key is PKCS#8 in PEM without a passphrase: openssl genpkey -algorithm ed25519 -out sign.key; its public part: openssl pkey -in sign.key -pubout -out sign.pub.",
    );
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === "ed25519" || curve === "prime256v1") return key;
  throw unusableKey(
    `${option} ${source} is a key of the kind ${curve ?? key.asymmetricKeyType ?? "unknown"}`,
    "Use Ed25519 or ECDSA P-256: openssl genpkey -algorithm ed25519 -out sign.key.",
  );
}

/**
 * Runs cosign. It uses its own identity and registry login, from the pipeline's variables and Docker's configuration.
 * @throws Failure COSIGN_MISSING, COSIGN_FAILED (exit 3)
 */
export async function runCosign(host: Host, args: readonly string[]): Promise<void> {
  const ran = await runOther(host, "cosign", args, { timeoutMs: COSIGN_MS });
  if (ran.exitCode === 0) return;
  if (ran.spawnError !== undefined)
    throw new Failure({
      code: "COSIGN_MISSING",
      kind: "environment",
      message: `--sign cosign needs cosign, which cannot be started: ${ran.spawnError}.`,
      hint: "Install it (github.com/sigstore/cosign), or sign with a key of your own: --sign-key FILE.",
    });
  throw new Failure({
    code: "COSIGN_FAILED",
    kind: "environment",
    message: `cosign ${args[0] ?? ""} failed${ran.timedOut ? ` to end within ${String(COSIGN_MS / 60_000)} minutes` : ` (exit ${String(ran.exitCode)})`}.`,
    log: outputLines(ran.stderr, 10),
    hint: "Without a key cosign needs the pipeline's identity (in GitHub Actions: permissions: id-token: write), and a login that may push to the repository.",
  });
}

function unusableKey(message: string, hint: string): Failure {
  return new Failure({ code: "SIGN_KEY", kind: "usage", message: `${message}.`, hint });
}
