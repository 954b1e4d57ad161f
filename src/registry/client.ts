import type { Downloads } from "../support/downloads";
import type { Host } from "../support/host";
import { ask, Unreachable, type HttpAnswer, type HttpRequest } from "../support/http";
import { authorize, type Access } from "./authorize";
import { parseChallenge } from "./challenge";
import { registryRefused, registryUnreachable, wordsOf } from "./failures";
import { registryEndpoint, type ImageReference } from "./reference";

/** One repository of a registry, through its HTTP API v2 (OCI distribution spec). */
export interface RepositoryClient {
  /** Canonical repository, for messages. */
  readonly repository: string;
  /** Host of the registry in use. */
  readonly registry: string;
  /** GET below /v2/<path>/ or of an absolute URL on the same registry, with the authorization it demands; cached by ETag. */
  get(path: string, accept: string, limitBytes: number): Promise<HttpAnswer>;
  readonly downloads: Downloads;
}

const TIMEOUT_MS = 60_000;
/** Layers can be large and connections slow. */
const BLOB_TIMEOUT_MS = 15 * 60_000;

/** A client for one repository. It fetches its token once, on the registry's first challenge. */
export function openRepository(
  host: Host,
  reference: ImageReference,
  options: { readonly mirror?: string | undefined; readonly downloads: Downloads },
): RepositoryClient {
  const endpoint = registryEndpoint(reference, options.mirror);
  const authorised = authorisedAsk(host, reference, { ...options, actions: "pull" });

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
        if (error instanceof Unreachable) throw registryUnreachable(endpoint.host, error, host.clock.now());
        throw error;
      }
    },
  };
}

/** Options of a repository's requests. */
export interface AskOptions {
  readonly mirror?: string | undefined;
  readonly actions: Access["actions"];
  /** Without any login. */
  readonly anonymous?: boolean;
}

/**
 * Sends requests to one repository with the authorization that its registry demands, fetched once.
 * @throws Failure REGISTRY_REFUSED, CREDENTIAL_HELPER (exit 3), REGISTRY_INSECURE (exit 4); Unreachable
 */
export function authorisedAsk(
  host: Host,
  reference: ImageReference,
  { mirror, actions, anonymous = false }: AskOptions,
): (request: HttpRequest) => Promise<HttpAnswer> {
  const endpoint = registryEndpoint(reference, mirror);
  // A login is for the registry, not for a store that it names or redirects to.
  const isOurs = (url: string): boolean => new URL(url).host === new URL(endpoint.base).host;
  let authorization: string | undefined;
  return async (request) => {
    if (!isOurs(request.url)) return ask(host, request);
    const first = await ask(host, withAuthorization(request, authorization));
    if (first.status !== 401 || !isOurs(first.url)) return first;
    const challenge = parseChallenge(first.headers.get("www-authenticate"));
    if (challenge === undefined)
      throw registryRefused(endpoint.host, reference.repository, "it answers 401 without a challenge");
    authorization = await authorize(host, challenge, {
      registry: endpoint.host,
      path: endpoint.path,
      repository: reference.repository,
      mirrorHost: mirror?.split("/", 1)[0],
      actions,
      anonymous,
    });
    return ask(host, withAuthorization(request, authorization));
  };
}

function withAuthorization(request: HttpRequest, authorization: string | undefined): HttpRequest {
  return authorization === undefined
    ? request
    : { ...request, headers: { ...request.headers, authorization } };
}

/** The registry's message for a refusal. */
export function refusalOf(answer: HttpAnswer): string {
  const refusalText = wordsOf(answer);
  return `it answers ${String(answer.status)}${refusalText === undefined ? "" : ` ("${refusalText}")`}`;
}
