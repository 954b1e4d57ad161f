import * as z from "zod/mini";
import { refusal } from "../support/errors";
import type { Host } from "../support/host";
import { ask, type HttpAnswer } from "../support/network/http";
import { isLoopback } from "../support/network/loopback";
import { parsedJson } from "../support/text/parsed-json";
import { credentialsFor, withLogin, type Login, type LoginRequest } from "./credentials";
import { registryRefused, statusOf } from "./failures";

const TIMEOUT_MS = 60_000;

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

/** The purpose of an authorization. */
export interface Access extends LoginRequest {
  readonly path: string;
  /** Canonical repository, for messages. */
  readonly repository: string;
  readonly actions: "pull" | "pull,push";
  /** Without any login. */
  readonly anonymous?: boolean;
}

/**
 * The Authorization header for a registry's challenge (distribution spec: token authentication; identity tokens by OAuth2).
 * @throws Failure REGISTRY_REFUSED, CREDENTIAL_HELPER (exit 3), REGISTRY_INSECURE (exit 4), Unreachable
 */
export async function authorize(host: Host, challenge: Challenge, access: Access): Promise<string> {
  const answer = (login: Login | undefined): Promise<string> => answerTo(host, challenge, access, login);
  if (access.anonymous === true) return answer(undefined);
  if (access.actions !== "pull" || challenge.scheme === "basic")
    return answer(await credentialsFor(host, access));
  return withLogin(host, access, `${access.repository} is read`, answer);
}

async function answerTo(
  host: Host,
  challenge: Challenge,
  access: Access,
  login: Login | undefined,
): Promise<string> {
  const { registry, repository } = access;
  if (login !== undefined && "registrytoken" in login) return `Bearer ${login.registrytoken}`;
  if (challenge.scheme === "basic") {
    if (login === undefined || !("password" in login))
      throw registryRefused(registry, repository, "it requires a user name and a password, and none are set");
    return basicOf(host, login);
  }
  const answer = await tokenAnswer(host, challenge, access, login);
  const token = tokenIn(answer);
  if (token === undefined) {
    const who = login === undefined ? "without credentials" : "with the credentials found";
    const what = answer.status === 200 ? "200 without a token" : statusOf(answer);
    throw registryRefused(registry, repository, `its token service, ${who}, answers ${what}`);
  }
  host.redact.add(token);
  return `Bearer ${token}`;
}

/** A login that a token service exchanges for a token. */
type Exchanged = Exclude<Login, { readonly registrytoken: string }>;

/** Answers to a POST after which a token service may still know GET (containerd, remotes/docker/authorizer.go). */
const NO_POST = [400, 401, 404, 405];

async function tokenAnswer(
  host: Host,
  challenge: Extract<Challenge, { scheme: "bearer" }>,
  access: Access,
  login: Exchanged | undefined,
): Promise<HttpAnswer> {
  const service = tokenService(challenge, access);
  const scope = challenge.scope ?? `repository:${access.path}:${access.actions}`;
  const request = { url: service.href, limitBytes: 1_000_000, timeoutMs: TIMEOUT_MS };
  const headers = { accept: "application/json" };
  let posted: HttpAnswer | undefined;
  if (login !== undefined && "identitytoken" in login) {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      service: challenge.service ?? access.registry,
      client_id: "mesa-template",
      scope,
      refresh_token: login.identitytoken,
    });
    posted = await ask(host, { ...request, form, headers });
    if (!NO_POST.includes(posted.status)) return posted;
  }
  if (challenge.service !== undefined) service.searchParams.set("service", challenge.service);
  for (const each of scope.split(" ")) service.searchParams.append("scope", each);
  const basic = login === undefined ? {} : { authorization: basicOf(host, login) };
  const answer = await ask(host, { ...request, url: service.href, headers: { ...headers, ...basic } });
  // Of a refusal of both, the one that concerns the token itself.
  return posted !== undefined && posted.status < 404 && tokenIn(answer) === undefined ? posted : answer;
}

function basicOf(host: Host, login: Exchanged): string {
  const pair = "password" in login ? `${login.username}:${login.password}` : `:${login.identitytoken}`;
  const encoded = Buffer.from(pair).toString("base64");
  host.redact.add(encoded);
  return `Basic ${encoded}`;
}

/** The token service's address. It receives credentials, so plain http is allowed on loopback only. */
function tokenService(
  challenge: Extract<Challenge, { scheme: "bearer" }>,
  { registry, repository }: Access,
): URL {
  if (!URL.canParse(challenge.realm))
    throw registryRefused(registry, repository, `its token service "${challenge.realm}" is not an address`);
  const realm = new URL(challenge.realm);
  if (realm.protocol !== "https:" && !(realm.protocol === "http:" && isLoopback(realm.hostname))) {
    throw refusal(
      "REGISTRY_INSECURE",
      `The image registry ${registry} requires its token to be fetched over plain ${realm.protocol.replace(":", "")} (${realm.origin}).`,
      "Others on the network could read it; plain http is accepted on loopback only.",
    );
  }
  return realm;
}

const tokenSchema = z.looseObject({ token: z.unknown(), access_token: z.unknown() });

/** The token in an answer: `token` or, if that is missing, null, empty or no text for a header, `access_token`. */
function tokenIn({ status, body }: HttpAnswer): string | undefined {
  const answer = z.safeParse(z.partial(tokenSchema), status === 200 ? parsedJson(body) : undefined);
  if (!answer.success) return undefined;
  return [answer.data.token, answer.data.access_token].find(
    (token): token is string => typeof token === "string" && /^[!-~]+$/u.test(token),
  );
}
