import { Failure, refusal } from "../support/errors";
import { parsedJson } from "../support/text/parsed-json";
import { retryAfter, type HttpAnswer, type Unreachable } from "../support/network/http";

/** The failure for a registry that is unreachable, perhaps only now (exit 3). `now`: ms since the epoch. */
export function registryUnreachable(registry: string, error: Unreachable, now: number): Failure {
  if (error.answer?.status === 429) return rateLimited(registry, error.answer, now);
  return new Failure({
    code: "REGISTRY_UNREACHABLE",
    kind: "environment",
    message: `The image registry ${registry} cannot be reached: ${error.message} (${error.url}).`,
    hint: "Check the network and the proxy; a mirror can be named in upstream.toml (mirrors.images).",
    cause: error.cause,
  });
}

/** A longer wait than this is not a time span (some registries send a point in time), in ms. */
const LONGEST_LIMIT_MS = 30 * 24 * 3_600_000;

/** The failure for a rate limit (exit 3): the registry's message, and until when. `now`: ms since the epoch. */
function rateLimited(registry: string, answer: HttpAnswer, now: number): Failure {
  const wait = retryAfter(answer.headers.get("retry-after"), now);
  const until =
    wait === undefined || wait > LONGEST_LIMIT_MS
      ? ""
      : `; it allows the next request at ${new Date(now + wait).toISOString()}`;
  return new Failure({
    code: "REGISTRY_RATE_LIMIT",
    kind: "environment",
    message: `The image registry ${registry} limits requests (429): ${wordsOf(answer) ?? "without a reason"}${until}.`,
    hint: `Log in (docker login ${registry}), which raises the limit at most registries, or name a mirror in upstream.toml (mirrors.images).`,
  });
}

/**
 * A registry's message in an answer (`errors` of the distribution spec, `details` of Docker Hub's token service), at most 300 characters.
 */
function wordsOf(answer: HttpAnswer): string | undefined {
  const text = Buffer.from(answer.body).toString("utf8");
  const quoted = /"(?:message|details)"\s*:\s*("(?:[^"\\]|\\.)*")/u.exec(text)?.[1];
  const plain = /^[^<{]/u.test(text) ? text.trim().split("\n", 1)[0] : undefined;
  const words = (quoted === undefined ? plain : (parsedJson(quoted) as string | undefined)) ?? "";
  const shown = words.replace(/[\p{Cc}\s]+/gu, " ").slice(0, 300);
  return shown.replace(/[.\s]+$/u, "").trimStart() || undefined;
}

/** An answer's status, with the registry's message if there is one: 404 ("no such tag"). */
export function statusOf(answer: HttpAnswer): string {
  const words = wordsOf(answer);
  return `${String(answer.status)}${words === undefined ? "" : ` ("${words}")`}`;
}

/** Credentials are missing or refused (exit 3). */
export function registryRefused(registry: string, repository: string, why: string): Failure {
  return new Failure({
    code: "REGISTRY_REFUSED",
    kind: "environment",
    message: `The image registry ${registry} refuses to show ${repository}: ${why}.`,
    hint: `If it is private, run docker login ${registry}, or set MESA_TEMPLATE_REGISTRY, MESA_TEMPLATE_REGISTRY_USERNAME and MESA_TEMPLATE_REGISTRY_PASSWORD; if it is public, check its name.`,
  });
}

/** The registry accepts no image with this login (exit 3). */
export function pushRefused(
  registry: string,
  repository: string,
  why: string,
  log: readonly string[] = [],
): Failure {
  return new Failure({
    code: "PUSH_REFUSED",
    kind: "environment",
    message: `The image registry ${registry} does not let this login push to ${repository}: ${why}.`,
    log,
    hint: `Log in with push access (docker login ${registry}), or set MESA_TEMPLATE_REGISTRY, MESA_TEMPLATE_REGISTRY_USERNAME and MESA_TEMPLATE_REGISTRY_PASSWORD; some registries require the repository to be created first.`,
  });
}

/** The content does not match its digest (exit 4). */
export function wrongBytes(what: string, named: string, got: string): Failure {
  return refusal(
    "REGISTRY_WRONG_BYTES",
    `${what} does not match its digest: the registry names ${named}, but its bytes have ${got}.`,
    "Something between here and the registry changes its answers (a broken mirror, a proxy, or an attacker). Try without the mirror.",
  );
}

/** There is no such image (exit 4), by the path that was asked for: below a mirror it begins with the mirror's own. */
export function imageNotFound(
  { registry, path }: { readonly registry: string; readonly path: string },
  which: string,
): Failure {
  return refusal(
    "IMAGE_NOT_FOUND",
    `${registry} has no image ${path}${which}.`,
    "Check the name and the tag in template.toml (base.image, images.NAME.image) and upstream.toml (sandbox-api.image, mirrors.images).",
  );
}
