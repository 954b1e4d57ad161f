import type { Downloads } from "../support/downloads";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { ask, Unreachable, type HttpAnswer, type HttpRequest } from "../support/http";
import { isLoopback } from "../support/loopback";
import { parseChallenge, type Challenge } from "./challenge";
import { credentialsFor } from "./credentials";
import { registryRefused, registryUnreachable } from "./failures";
import { registryEndpoint, type ImageReference } from "./reference";

/** One repository of a registry, asked over its HTTP API v2 (OCI distribution spec). */
export interface RepositoryClient {
  /** Canonical repository, for messages. */
  readonly repository: string;
  /** Registry host that is asked. */
  readonly registry: string;
  /** GET below /v2/<path>/ or of an absolute URL on the same registry, authorised as the registry asks for; kept under its ETag. */
  get(path: string, accept: string, limitBytes: number): Promise<HttpAnswer>;
  readonly downloads: Downloads;
}

const TIMEOUT_MS = 60_000;
/** Layers are large and lines are slow. */
const BLOB_TIMEOUT_MS = 15 * 60_000;

/** A client for one repository. It fetches its token once, when the registry first asks for one. */
export function openRepository(
  host: Host,
  reference: ImageReference,
  options: { readonly mirror?: string | undefined; readonly downloads: Downloads },
): RepositoryClient {
  const endpoint = registryEndpoint(reference, options.mirror);
  const mirrorHost = options.mirror?.split("/", 1)[0];
  let authorization: string | undefined;

  const authorised = async (request: HttpRequest): Promise<HttpAnswer> => {
    const first = await ask(host, withAuthorization(request, authorization));
    if (first.status !== 401) return first;
    const challenge = parseChallenge(first.headers.get("www-authenticate"));
    if (challenge === undefined)
      throw registryRefused(
        endpoint.host,
        reference.repository,
        "it answers 401 without saying what it wants",
      );
    authorization = await authorize(
      host,
      challenge,
      endpoint.host,
      endpoint.path,
      reference.repository,
      mirrorHost,
    );
    return ask(host, withAuthorization(request, authorization));
  };

  return {
    repository: reference.repository,
    registry: endpoint.host,
    downloads: options.downloads,
    async get(path, accept, limitBytes) {
      const url = path.startsWith("/v2/") ? new URL(path, endpoint.base).href : `${endpoint.base}/${path}`;
      const timeoutMs = path.startsWith("blobs/") ? BLOB_TIMEOUT_MS : TIMEOUT_MS;
      try {
        const answer = await options.downloads.get(
          { url, headers: { accept }, limitBytes, timeoutMs },
          authorised,
        );
        if (answer.status === 401 || answer.status === 403)
          throw registryRefused(endpoint.host, reference.repository, refusalOf(answer));
        return answer;
      } catch (error) {
        if (error instanceof Unreachable) throw registryUnreachable(endpoint.host, error);
        throw error;
      }
    },
  };
}

function withAuthorization(request: HttpRequest, authorization: string | undefined): HttpRequest {
  return authorization === undefined
    ? request
    : { ...request, headers: { ...request.headers, authorization } };
}

async function authorize(
  host: Host,
  challenge: Challenge,
  registry: string,
  path: string,
  repository: string,
  mirrorHost: string | undefined,
): Promise<string> {
  const credentials = await credentialsFor(host, registry, mirrorHost);
  const basic =
    credentials === undefined ? undefined : basicOf(host, `${credentials.username}:${credentials.password}`);
  if (challenge.scheme === "basic") {
    if (basic === undefined)
      throw registryRefused(registry, repository, "it wants a user name and a password, and there are none");
    return basic;
  }
  const realm = tokenService(challenge, registry, repository, path);
  const answer = await ask(host, {
    url: realm,
    headers: { accept: "application/json", ...(basic === undefined ? {} : { authorization: basic }) },
    limitBytes: 1_000_000,
    timeoutMs: TIMEOUT_MS,
  });
  const token = answer.status === 200 ? tokenIn(answer.body) : undefined;
  if (token === undefined) {
    const who = basic === undefined ? "asked without credentials" : "asked with the credentials there are";
    throw registryRefused(
      registry,
      repository,
      `its token service, ${who}, answers ${String(answer.status)}${answer.status === 200 ? " without a token" : ""}`,
    );
  }
  host.redact.add(token);
  return `Bearer ${token}`;
}

function basicOf(host: Host, pair: string): string {
  const encoded = Buffer.from(pair).toString("base64");
  host.redact.add(encoded);
  return `Basic ${encoded}`;
}

/** The token service's address for pulling one repository. Credentials go there, so plain http is taken on loopback only. */
function tokenService(
  challenge: Extract<Challenge, { scheme: "bearer" }>,
  registry: string,
  repository: string,
  path: string,
): string {
  if (!URL.canParse(challenge.realm))
    throw registryRefused(registry, repository, `its token service "${challenge.realm}" is no address`);
  const realm = new URL(challenge.realm);
  if (realm.protocol !== "https:" && !(realm.protocol === "http:" && isLoopback(realm.hostname))) {
    throw new Failure({
      code: "REGISTRY_INSECURE",
      kind: "upstream",
      message: `The image registry ${registry} wants its token fetched over plain ${realm.protocol.replace(":", "")} (${realm.origin}).`,
      hint: "Anybody on the way could read it; plain http is taken on loopback only.",
    });
  }
  if (challenge.service !== undefined) realm.searchParams.set("service", challenge.service);
  realm.searchParams.set("scope", challenge.scope ?? `repository:${path}:pull`);
  return realm.href;
}

function tokenIn(body: Uint8Array): string | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const token = "token" in value ? value.token : "access_token" in value ? value.access_token : undefined;
    return typeof token === "string" && token !== "" ? token : undefined;
  } catch {
    return undefined;
  }
}

/** A registry's own words in a refusal (`errors` of the distribution spec). */
function refusalOf(answer: HttpAnswer): string {
  const text = Buffer.from(answer.body).toString("utf8");
  const said = /"message"\s*:\s*"([^"]{1,200})"/u.exec(text)?.[1];
  return `it answers ${String(answer.status)}${said === undefined ? "" : ` ("${said}")`}`;
}
