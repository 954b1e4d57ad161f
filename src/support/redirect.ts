import { Failure } from "./errors";

/**
 * Where a redirect leads, as an absolute URL: over https anywhere, over plain http only to the very host (and port) that was already
 * asked over plain http. Anything else is a Failure (REDIRECT_REFUSED, kind upstream).
 */
export function nextHop(from: string, location: string): string {
  const before = new URL(from);
  let next: URL;
  try {
    next = new URL(location, before);
  } catch (error) {
    throw refused(`${from} redirects to "${location}", which is no address.`, error);
  }
  if (next.protocol === "https:") return next.href;
  if (next.protocol === "http:" && before.protocol === "http:" && next.host === before.host) return next.href;
  if (next.host !== before.host)
    throw refused(
      `${from} redirects to another host over plain ${next.protocol.replace(":", "")}: ${next.href}.`,
    );
  throw refused(`${from} redirects from https to plain ${next.protocol.replace(":", "")}: ${next.href}.`);
}

function refused(message: string, cause?: unknown): Failure {
  return new Failure({
    code: "REDIRECT_REFUSED",
    kind: "upstream",
    message,
    hint: "Whoever sits on that way can hand out other files; name a source that is reached over https, or a mirror in upstream.toml.",
    cause,
  });
}
