import { Failure, messageOf } from "../support/errors";

const WORDS: Readonly<Record<number, { readonly code: string; readonly hint: string }>> = {
  401: { code: "MESA_UNAUTHORIZED", hint: "The key is invalid or expired: check MESA_API_KEY." },
  403: {
    code: "MESA_FORBIDDEN",
    hint: "The key lacks the right: making keys for sandboxes needs an admin key.",
  },
  404: { code: "MESA_NOT_FOUND", hint: "Check MESA_ORG and the repository's name." },
};

/** The errors below an error, itself first. */
function chain(error: unknown): readonly Error[] {
  const found: Error[] = [];
  for (let at = error; at instanceof Error && found.length < 6; at = at.cause) found.push(at);
  return found;
}

/** The status with which Mesa's API refused, when the SDK says that it did. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || error.name !== "MesaApiError") return undefined;
  const { status } = error as { readonly status?: unknown };
  return typeof status === "number" ? status : undefined;
}

/** A request that got no answer. */
export function unreachable(apiUrl: string, error: unknown): Failure {
  return new Failure({
    code: "MESA_UNREACHABLE",
    kind: "environment",
    message: `Mesa's API at ${apiUrl} cannot be reached: ${messageOf(error)}`,
    hint: "Check the network and MESA_API_URL.",
    cause: error,
  });
}

/** A Failure for a status and the API's own words. `what` is what was asked for, e.g. "make a key". */
export function refusal(status: number | undefined, what: string, words: string): Failure {
  const known = WORDS[status ?? 0];
  return new Failure({
    code: known?.code ?? "MESA_REFUSED",
    kind: "environment",
    message: `Mesa's API said ${status === undefined ? "no" : String(status)} when asked to ${what}: ${words}`,
    hint: known?.hint ?? "Try again in a moment; if it stays so, it is on Mesa's side.",
  });
}

/** An answer that is none of Mesa's. */
export function notMesas(what: string, words: string): Failure {
  return new Failure({
    code: "MESA_ANSWER",
    kind: "environment",
    message: `Mesa's API gave an unexpected response when asked to ${what}: ${words}`,
    hint: "Does MESA_API_URL name Mesa's API? A proxy's page is no answer of it.",
  });
}

/** What the SDK threw, as a Failure; what was thrown below it on purpose comes out as it was, and a fault of ours too. */
export function failureOf(error: unknown, what: string): unknown {
  const errors = chain(error);
  const ours = errors.find((one) => one instanceof Failure);
  if (ours !== undefined) return ours;
  const refused = errors.find((one) => one.name === "MesaApiError");
  if (refused !== undefined) return refusal(statusOf(refused), what, refused.message.slice(0, 300));
  return errors[0]?.name === "OrgResolutionError" ? notMesas(what, errors[0].message) : error;
}
