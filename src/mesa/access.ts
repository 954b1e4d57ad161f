import { isIP } from "node:net";
import { Failure } from "../support/errors";

export interface MesaAccess {
  /** Base address with /v1, no trailing slash. */
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly org: string;
}

const DEFAULT_API = "https://api.mesa.dev";

function isPrivateHost(host: string): boolean {
  if (host === "localhost") return true;
  return isIP(host) === 4 && /^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/u.test(host);
}

/** The API's address from MESA_API_URL, with /v1. Plain http is taken only on the loopback and private networks. @throws Failure MESA_API_URL (exit 2) */
export function mesaApiUrl(env: Readonly<Record<string, string | undefined>>): string {
  const text = env["MESA_API_URL"] ?? "";
  const url = new URL(text === "" ? DEFAULT_API : text);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isPrivateHost(url.hostname))) {
    throw new Failure({
      code: "MESA_API_URL",
      kind: "usage",
      message: `MESA_API_URL is ${text}: keys are not sent over plain http to a public address.`,
      hint: "Use https.",
    });
  }
  return `${url.origin}${url.pathname.replace(/\/(v1\/?)?$/u, "")}/v1`;
}

/** How to reach Mesa, when the environment says so (MESA_API_KEY and MESA_ORG). */
export function mesaAccess(env: Readonly<Record<string, string | undefined>>): MesaAccess | undefined {
  const { MESA_API_KEY: apiKey, MESA_ORG: org } = env;
  if (apiKey === undefined || apiKey === "" || org === undefined || org === "") return undefined;
  return { apiUrl: mesaApiUrl(env), apiKey, org };
}

/** What is said where something needs a Mesa credential and there is none. */
export const NO_MESA_CREDENTIAL = "there is no Mesa credential: set MESA_API_KEY and MESA_ORG";
