import { Failure, type FailureKind } from "../support/errors";

/** The kind of a refusal, from bl's message (its exit code is always 1). */
export type RefusalKind =
  "not-found" | "unauthorized" | "forbidden" | "quota" | "gateway" | "network" | "other";

/** The final error of the SDK in bl: METHOD "URL": CODE Text {body}. The URL says nothing about the kind. */
const STATUS = /\b(?:GET|POST|PUT|PATCH|DELETE) \\?"[^"]*": (\d{3})\b/u;

const NETWORK =
  /dial tcp|connection refused|no such host|server misbehaving|i\/o timeout|connection reset|broken pipe|network is unreachable|context deadline exceeded|Client\.Timeout|\bEOF\b|TLS handshake|x509:|fetch failed|ECONN|ETIMEDOUT|ENOTFOUND/u;

/** What stands for a kind where no status is told; the first match counts. "destination type": bl got a page instead of JSON. */
const WORDS: readonly (readonly [RefusalKind, RegExp])[] = [
  ["network", NETWORK],
  [
    "unauthorized",
    /\b401\b|unauthorized|unauthenticated|authentication (?:is )?required|invalid (?:credentials|api key|token)|(?:token|key) (?:is |has )?expired/iu,
  ],
  [
    "forbidden",
    /\b403\b|forbidden|permission denied|access denied|not (?:allowed|authorized)|do(?:es)?(?: not|n't) have (?:access|permission)|insufficient (?:permission|scope)/iu,
  ],
  ["not-found", /\b404\b|not found/iu],
  [
    "gateway",
    /\b(?:429|50[0-4])\b|bad gateway|gateway time-?out|service unavailable|too many requests|rate limit|internal (?:server )?error|expected destination type/iu,
  ],
];

function kindOfStatus(status: number): RefusalKind | undefined {
  if (status === 401) return "unauthorized";
  if (status === 403) return "forbidden";
  if (status === 404) return "not-found";
  return status === 408 || status === 429 || status >= 500 ? "gateway" : undefined;
}

/**
 * Classifies a reason in the words of bl (or @blaxel/core). The status decides if there is one; otherwise (`bl deploy` shows only the
 * body's message) the words do.
 */
export function refusalKind(reason: string): RefusalKind {
  const statusText = STATUS.exec(reason)?.[1];
  const words = reason.replace(/\\?"https?:[^"]*"/gu, "");
  if (/quota/iu.test(words)) return "quota";
  const byStatus = statusText === undefined ? undefined : kindOfStatus(Number(statusText));
  if (byStatus !== undefined) return byStatus;
  return WORDS.find(([, pattern]) => pattern.test(words))?.[0] ?? "other";
}

/** Whether the same request may succeed a moment later. An untrusted certificate stays untrusted. */
export function isPassing(reason: string): boolean {
  const kind = refusalKind(reason);
  return kind === "gateway" || (kind === "network" && !/x509:/u.test(reason));
}

const ADVICE: Readonly<
  Record<RefusalKind, { readonly code: string; readonly kind: FailureKind; readonly hint: string }>
> = {
  unauthorized: {
    code: "BLAXEL_UNAUTHORIZED",
    kind: "environment",
    hint: "The API key is invalid or expired: create one in the Blaxel console and set BL_API_KEY.",
  },
  forbidden: {
    code: "BLAXEL_FORBIDDEN",
    kind: "environment",
    hint: "The key is valid but not allowed to do this: check BL_WORKSPACE and the key's permissions.",
  },
  quota: {
    code: "BLAXEL_QUOTA",
    kind: "deploy",
    hint: "The workspace's quota is used up: delete sandboxes, ask for less memory ([sandbox] memory_megabytes in template.toml, or --memory), or raise the quota.",
  },
  gateway: {
    code: "BLAXEL_GATEWAY",
    kind: "deploy",
    hint: "Blaxel's gateway answers with errors; try again in a few minutes.",
  },
  network: {
    code: "BLAXEL_UNREACHABLE",
    kind: "environment",
    hint: "Blaxel cannot be reached: check the network, a proxy, and BL_API_URL.",
  },
  "not-found": {
    code: "BLAXEL_NOT_FOUND",
    kind: "deploy",
    hint: "It does not exist on Blaxel, or was deleted.",
  },
  other: { code: "DEPLOY_FAILED", kind: "deploy", hint: "The message ends with Blaxel's own words." },
};

/** A Failure for a refusal. `message` is the whole sentence; `reason` decides its kind. */
export function refusal(message: string, reason: string, log: readonly string[] = []): Failure {
  const { code, kind, hint } = ADVICE[refusalKind(reason)];
  return new Failure({ code, kind, message, hint, log });
}
