import { setIn, type Environment } from "../support/environment";
import { Failure, type FailureDetails } from "../support/errors";
import { isPrivateNetwork } from "../support/network/loopback";
import { generationOf, type CredentialKind } from "./generation";
import { looksLikePrivateKey, parsePrivateKey, type PrivateKey } from "./private-key";

/** The credential for Mesa in the environment. Sandboxes never get it. */
type MesaCredential =
  | { readonly kind: "api-key"; readonly apiKey: string }
  | { readonly kind: "private-key"; readonly privateKey: PrivateKey };

export interface MesaAccess {
  /** Base address with /v1, without trailing slash. */
  readonly apiUrl: string;
  readonly org: string;
  readonly credential: MesaCredential;
}

const DEFAULT_API = "https://api.mesa.dev";

function badAddress(message: string, hint: string): Failure {
  return new Failure({ code: "MESA_API_URL", kind: "usage", message, hint });
}

/**
 * The API's address from MESA_API_URL, with /v1. Plain http is allowed only on loopback and private networks. @throws Failure MESA_API_URL
 * (exit 2)
 */
function mesaApiUrl(env: Environment): string {
  const text = setIn(env, "MESA_API_URL") ?? "";
  // Text without a scheme may still parse: "localhost:8080" is the scheme "localhost".
  if (text !== "" && !(/^https?:\/\//iu.test(text) && URL.canParse(text)))
    throw badAddress(`MESA_API_URL is "${text}", which is not an address.`, `Write it like ${DEFAULT_API}.`);
  const url = new URL(text === "" ? DEFAULT_API : text);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isPrivateNetwork(url.hostname))) {
    throw badAddress(
      `MESA_API_URL is ${text}: credentials are not sent over plain http to a public address.`,
      "Use https.",
    );
  }
  return `${url.origin}${url.pathname.replace(/\/(v1\/?)?$/u, "")}/v1`;
}

const VARIABLES: Readonly<Record<CredentialKind, string>> = {
  "api-key": "MESA_API_KEY",
  "private-key": "MESA_PRIVATE_KEY",
};
const KINDS: readonly CredentialKind[] = ["api-key", "private-key"];

/** What must be set for a version. */
function needed(kinds: readonly CredentialKind[]): string {
  const texts = kinds.map((kind) =>
    kind === "api-key"
      ? "MESA_API_KEY (an API key with the scope admin) and MESA_ORG"
      : "MESA_PRIVATE_KEY (mesa_private_key_…)",
  );
  return `Set ${texts.join(", or ")}; a sandbox gets only its own short-lived credential.`;
}

/**
 * Whether the environment has a credential that suits a version of Mesa: `access` with it, or why not. `given` distinguishes an unsuitable
 * (or incomplete) credential from none. Needs only the environment, so it can be checked before anything starts.
 */
export type MesaFit =
  | { readonly access: MesaAccess }
  | { readonly access: undefined; readonly given: boolean; readonly failure: Failure };

/**
 * @param version strict semver; undefined: any credential suits (when no version is involved, e.g. doctor)
 * @param wantedOrg the requested organization; default: MESA_ORG or the private key's
 * @throws Failure MESA_API_URL, MESA_PRIVATE_KEY, MESA_ORG (exit 2) for invalid values
 */
export function mesaFit(env: Environment, version: string | undefined, wantedOrg?: string): MesaFit {
  const leaking = ["MESA_API_KEY", "MESA_API_URL", "MESA_ORG"].find((name) =>
    looksLikePrivateKey(env[name] ?? ""),
  );
  if (leaking !== undefined)
    throw new Failure({
      code: "MESA_PRIVATE_KEY",
      kind: "usage",
      message: `${leaking} contains a private key.`,
      hint: "Set it as MESA_PRIVATE_KEY only: the others are sent to Mesa.",
    });
  const there = KINDS.filter((kind) => setIn(env, VARIABLES[kind]) !== undefined);
  const taken = version === undefined ? KINDS : generationOf(version).credentials;
  const kind = taken.find((one) => there.includes(one));
  const unfit = (details: FailureDetails): MesaFit => ({
    access: undefined,
    given: there.length > 0,
    failure: new Failure(details),
  });
  if (kind === undefined) {
    const [wrong] = there;
    if (wrong === undefined)
      return unfit({
        code: "NO_MESA_CREDENTIALS",
        kind: "environment",
        message: `No Mesa credential: ${taken.map((one) => `${VARIABLES[one]} is not set`).join(", and ")}.`,
        hint: needed(taken),
      });
    return unfit({
      code: "MESA_CREDENTIAL_UNFIT",
      kind: "environment",
      message:
        wrong === "api-key"
          ? `Mesa ${version ?? ""} accepts no API keys (Mesa removed them in 0.48), and MESA_API_KEY is the only Mesa credential that is set.`
          : `Mesa ${version ?? ""} accepts only API keys (private keys came with 0.43), and MESA_PRIVATE_KEY is the only Mesa credential that is set.`,
      hint: needed(taken),
    });
  }
  const apiUrl = mesaApiUrl(env);
  const givenOrg = setIn(env, "MESA_ORG");
  if (kind === "private-key") {
    const privateKey = parsePrivateKey(setIn(env, "MESA_PRIVATE_KEY") ?? "");
    const other = [givenOrg, wantedOrg].find((org) => org !== undefined && org !== privateKey.org);
    if (other !== undefined)
      throw new Failure({
        code: "MESA_ORG",
        kind: "usage",
        message: `MESA_PRIVATE_KEY is a key of the organization ${privateKey.org}, but ${other === wantedOrg ? "a repository" : "MESA_ORG"} names ${other}.`,
        hint: "A private key is for one organization: use the one of that organization, or unset MESA_ORG.",
      });
    return { access: { apiUrl, org: privateKey.org, credential: { kind, privateKey } } };
  }
  const org = wantedOrg ?? givenOrg;
  if (org === undefined)
    return unfit({
      code: "NO_MESA_CREDENTIALS",
      kind: "environment",
      message: "MESA_API_KEY is set, but MESA_ORG is not.",
      hint: "Set MESA_ORG to the organization of the key.",
    });
  return { access: { apiUrl, org, credential: { kind, apiKey: setIn(env, "MESA_API_KEY") ?? "" } } };
}

/** Access to Mesa for a version. @throws Failure NO_MESA_CREDENTIALS, MESA_CREDENTIAL_UNFIT (exit 3), and as mesaFit does */
export function requireMesaAccess(env: Environment, version: string | undefined, org?: string): MesaAccess {
  const fit = mesaFit(env, version, org);
  if (fit.access !== undefined) return fit.access;
  throw fit.failure;
}

/**
 * Refuses a credential that does not suit a version, before work starts. Having none is allowed: what needs one is skipped. @throws Failure
 * MESA_CREDENTIAL_UNFIT (exit 3), and as mesaFit does
 */
export function refuseUnfitCredential(env: Environment, version: string): void {
  const fit = mesaFit(env, version);
  if (fit.access === undefined && fit.given) throw fit.failure;
}
