import type { Downloads } from "../support/network/downloads";
import type { Host } from "../support/host";
import { ask, Unreachable, type HttpAnswer, type HttpRequest } from "../support/network/http";
import { authorize, parseChallenge, type Access } from "./authorize";
import { registryRefused, registryUnreachable, statusOf } from "./failures";
import { MANIFEST_LIMIT } from "./manifest";
import { parseImageReference, registryEndpoint, type ImageReference } from "./reference";

const TIMEOUT_MS = 60_000;
/** Layers can be large and connections slow. */
const BLOB_TIMEOUT_MS = 15 * 60_000;

/** How to talk to a repository. */
export interface RepositoryOptions {
  readonly mirror?: string | undefined;
  readonly actions: Access["actions"];
  /** Without any login. */
  readonly anonymous?: boolean;
  /** Where answers are kept by ETag; absent: nowhere. */
  readonly downloads?: Downloads;
}

/** One repository of a registry, through its HTTP API v2 (OCI distribution spec). */
export interface Repository {
  readonly reference: ImageReference;
  /** Host of the registry in use. */
  readonly registry: string;
  readonly path: string;
  /**
   * Sends a request below /v2/<repository>/, of /v2/…, or to an absolute URL; only the registry gets the login.
   * @throws Failure REGISTRY_REFUSED, CREDENTIAL_HELPER, REGISTRY_UNREACHABLE (exit 3), REGISTRY_INSECURE (exit 4)
   */
  readonly request: (
    path: string,
    request?: Omit<Partial<HttpRequest>, "url" | "timeoutMs">,
  ) => Promise<HttpAnswer>;
  /** A GET; a refusal (401, 403) is REGISTRY_REFUSED. */
  readonly get: (path: string, accept: string, limitBytes?: number) => Promise<HttpAnswer>;
}

/** The repository of an image. Its token is fetched once, on the registry's first challenge. */
export function openRepository(host: Host, image: string, options: RepositoryOptions): Repository {
  const { downloads, mirror, actions, anonymous = false } = options;
  const reference = parseImageReference(image);
  const { repository } = reference;
  const { base, host: registry, path } = registryEndpoint(reference, mirror);
  const mirrorHost = mirror?.split("/", 1)[0];
  const access: Access = { registry, path, repository, mirrorHost, actions, anonymous };
  // A login is for the registry, not for a store that it names or redirects to.
  const isOurs = (url: string): boolean => new URL(url).host === new URL(base).host;
  let authorization: string | undefined;
  const authorised = async (request: HttpRequest): Promise<HttpAnswer> => {
    if (!isOurs(request.url)) return ask(host, request);
    const first = await ask(host, withAuthorization(request, authorization));
    if (first.status !== 401 || !isOurs(first.url)) return first;
    const challenge = parseChallenge(first.headers.get("www-authenticate"));
    if (challenge === undefined)
      throw registryRefused(registry, repository, "it answers 401 without a challenge");
    authorization = await authorize(host, challenge, access);
    return ask(host, withAuthorization(request, authorization));
  };
  const request: Repository["request"] = async (at, more = {}) => {
    const url = /^\/v2\/|:\/\//u.test(at) ? new URL(at, base).href : `${base}/${at}`;
    const timeoutMs = at.startsWith("blobs/") ? BLOB_TIMEOUT_MS : TIMEOUT_MS;
    const whole = { limitBytes: MANIFEST_LIMIT, ...more, url, timeoutMs };
    try {
      return await (downloads === undefined ? authorised(whole) : downloads.get(whole, authorised));
    } catch (error) {
      if (error instanceof Unreachable) throw registryUnreachable(registry, error, host.clock.now());
      throw error;
    }
  };
  return {
    reference,
    registry,
    path,
    request,
    async get(at, accept, limitBytes = MANIFEST_LIMIT) {
      const answer = await request(at, { headers: { accept }, limitBytes });
      if (answer.status === 401 || answer.status === 403)
        throw registryRefused(registry, repository, `it answers ${statusOf(answer)}`);
      return answer;
    },
  };
}

function withAuthorization(request: HttpRequest, authorization: string | undefined): HttpRequest {
  return authorization === undefined
    ? request
    : { ...request, headers: { ...request.headers, authorization } };
}
