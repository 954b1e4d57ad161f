import { Failure } from "../support/errors";
import { ask, Unreachable, type Asker, type HttpAnswer } from "../support/network/http";
import { isLoopback } from "../support/network/loopback";

/** A manifest of 10,000 versions has some 10 MB; anything much larger is not a manifest. */
const LIMIT_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

/** Whether an address is safe from changes in transit. */
function isTrusted(place: string): boolean {
  if (!URL.canParse(place)) return false;
  const { protocol, hostname } = new URL(place);
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname));
}

function unreachable(place: string, why: string, cause?: unknown): Failure {
  return new Failure({
    code: "MANIFEST_UNREACHABLE",
    kind: "environment",
    message: `${place}: ${why}.`,
    hint: "Check the address, and whether it is readable without a login.",
    cause,
  });
}

async function answerOf(place: string, asker: Asker): Promise<HttpAnswer> {
  try {
    return await ask(asker, { url: place, limitBytes: LIMIT_BYTES, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    if (error instanceof Unreachable) throw unreachable(place, error.message, error.cause);
    throw error;
  }
}

/**
 * The text of a manifest at an address. Retries without an answer; follows redirects to https only.
 * @throws Failure MANIFEST_ADDRESS (exit 2), MANIFEST_UNREACHABLE (exit 3), REDIRECT_REFUSED or ANSWER_TOO_LARGE (exit 4); the signal's
 * reason when aborted
 */
export async function fetchManifest(place: string, asker: Asker): Promise<string> {
  if (!isTrusted(place))
    throw new Failure({
      code: "MANIFEST_ADDRESS",
      kind: "usage",
      message: `${place}: a manifest is read from a file or over https (http only from this machine).`,
      hint: "Give an https address.",
    });
  const { status, body } = await answerOf(place, asker);
  if (status !== 200) throw unreachable(place, `it answered ${String(status)}`);
  return Buffer.from(body).toString("utf8");
}
