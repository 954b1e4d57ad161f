import { Failure, type FailureKind } from "../support/errors";

/** What kind of no the platform gave, told from bl's text (its exit code is always 1). */
export type RefusalKind =
  "not-found" | "unauthorized" | "forbidden" | "quota" | "gateway" | "network" | "other";

/** Reads bl's words. Order matters: a refused upload also says "403 Forbidden", so callers that upload ask for that first. */
export function refusalKind(text: string): RefusalKind {
  if (/\b404\b|not found/iu.test(text) && !/\b(401|403)\b/u.test(text)) return "not-found";
  if (/quota/iu.test(text)) return "quota";
  if (/\b401\b|unauthorized|invalid credentials|invalid api key/iu.test(text)) return "unauthorized";
  if (/\b403\b|forbidden|permission denied|do not have access/iu.test(text)) return "forbidden";
  if (
    /\b(502|503|504)\b|bad gateway|gateway time-?out|service unavailable|too many requests|\b429\b/iu.test(
      text,
    )
  )
    return "gateway";
  if (
    /connection refused|no such host|i\/o timeout|connection reset|network is unreachable|EOF\b|TLS handshake/u.test(
      text,
    )
  )
    return "network";
  return "other";
}

const ADVICE: Readonly<
  Record<RefusalKind, { readonly code: string; readonly kind: FailureKind; readonly hint: string }>
> = {
  unauthorized: {
    code: "BLAXEL_UNAUTHORIZED",
    kind: "environment",
    hint: "The API key is not valid (any more): make a new one in the Blaxel console and set BL_API_KEY.",
  },
  forbidden: {
    code: "BLAXEL_FORBIDDEN",
    kind: "environment",
    hint: "The key is valid but has no right to this: check BL_WORKSPACE and the key's permissions.",
  },
  quota: {
    code: "BLAXEL_QUOTA",
    kind: "deploy",
    hint: "The workspace's quota is used up: delete sandboxes, lower [sandbox] memory in template.toml, or raise the quota.",
  },
  gateway: {
    code: "BLAXEL_GATEWAY",
    kind: "deploy",
    hint: "Blaxel's gateway answers with errors; try again in some minutes.",
  },
  network: {
    code: "BLAXEL_UNREACHABLE",
    kind: "environment",
    hint: "Blaxel cannot be reached: check the network, a proxy, and BL_API_URL.",
  },
  "not-found": {
    code: "BLAXEL_NOT_FOUND",
    kind: "deploy",
    hint: "What was asked for does not exist on Blaxel (any more).",
  },
  other: { code: "DEPLOY_FAILED", kind: "deploy", hint: "Read what bl said above." },
};

/** A Failure for what bl said when it gave up. `what` begins the sentence: "bl deploy of mesa-debian". */
export function refusalFailure(
  what: string,
  ending: string,
  text: string,
  lastLines: readonly string[],
): Failure {
  const advice = ADVICE[refusalKind(text)];
  return new Failure({
    code: advice.code,
    kind: advice.kind,
    message: `${what} ${ending}: ${causeLine(text)}`,
    hint: advice.hint,
    log: lastLines,
  });
}

/** The line of bl's output that tells the reason. */
export function causeLine(text: string): string {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const reason = lines
    .find((line) => line.startsWith("Reason:"))
    ?.slice("Reason:".length)
    .trim();
  const resource = lines
    .find((line) => /^Resource \S+ error:/u.test(line))
    ?.replace(/^Resource \S+ error:\s*/u, "");
  return resource ?? reason ?? lines.at(-1) ?? "it said nothing";
}
