import { Failure, messageOf } from "../support/errors";

const WORDS: Readonly<Record<number, { readonly code: string; readonly hint: string }>> = {
  401: {
    code: "MESA_UNAUTHORIZED",
    hint: "Mesa does not accept the credential: check MESA_API_KEY or MESA_PRIVATE_KEY, and this machine's clock.",
  },
  403: {
    code: "MESA_FORBIDDEN",
    hint: "The credential is not allowed to do this: an API key needs the scope admin to make keys for sandboxes.",
  },
  404: { code: "MESA_NOT_FOUND", hint: "Check MESA_ORG and the names of the repository and the bookmark." },
  409: {
    code: "MESA_CONFLICT",
    hint: "Nothing was changed. If both bookmarks changed the same lines, make them agree in a session on the source (--mount REPO:rw@BOOKMARK) and merge again.",
  },
};

/** The failure for a request without an answer. */
export function unreachable(apiUrl: string, error: unknown): Failure {
  return new Failure({
    code: "MESA_UNREACHABLE",
    kind: "environment",
    message: `Mesa's API at ${apiUrl} cannot be reached: ${messageOf(error)}`,
    hint: "Check the network and MESA_API_URL.",
    cause: error,
  });
}

/** Mesa has no API keys from 0.48 on. An organization without any answers 404 to all requests about them. */
const NO_API_KEYS =
  "Check MESA_ORG. An organization without API keys needs MESA_PRIVATE_KEY (mesa_private_key_…), which Mesa 0.43 and newer take.";

/** The failure for a status and the API's message. `what` is the request, e.g. "make a key"; `path` its path. */
export function refusal(status: number, what: string, words: string, path: string): Failure {
  const known = WORDS[status];
  return new Failure({
    code: known?.code ?? "MESA_REFUSED",
    kind: "environment",
    message: `Mesa's API answered ${String(status)} when asked to ${what}: ${words}`,
    hint:
      status === 404 && path.endsWith("/api-keys")
        ? NO_API_KEYS
        : (known?.hint ?? "Try again in a moment; if it persists, the cause is on Mesa's side."),
  });
}

/** The failure for an answer that does not come from Mesa's API. */
export function notMesas(what: string, words: string): Failure {
  return new Failure({
    code: "MESA_ANSWER",
    kind: "environment",
    message: `Mesa's API gave an unexpected response when asked to ${what}: ${words}`,
    hint: "Check that MESA_API_URL is Mesa's API; a proxy may have answered instead.",
  });
}
