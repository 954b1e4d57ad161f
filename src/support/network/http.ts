import { Failure, hasErrno, messageOf, refusal } from "../errors";
import type { Host } from "../host";
import { withTimeLimit } from "../processes/time-limit";

export interface HttpRequest {
  readonly url: string;
  /** Default GET. The request must be safe to repeat. */
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Sent as a POST that must be safe to repeat, like a token request; to no other host, since it holds secrets. */
  readonly form?: URLSearchParams;
  /** Sent on the first hop; `authorization` is dropped on a redirect to another host. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Longer answers are refused (error answers may have 1 MiB). */
  readonly limitBytes: number;
  /** Limit for one attempt, body included. */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** The address after redirects. */
  readonly url: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** After all attempts there was no answer, or only a temporary error. The rooms turn it into their own Failure. */
export class Unreachable extends Error {
  constructor(
    readonly url: string,
    reason: string,
    cause?: unknown,
    /** The last answer, if there was one. */
    readonly answer?: HttpAnswer,
  ) {
    super(reason, { cause });
  }
}
Unreachable.prototype.name = "Unreachable";

/** What `ask` needs of a host. */
export type Asker = Pick<Host, "fetch" | "clock" | "signal">;

const RETRIES = 3;

/** Statuses after which the same request may succeed a moment later (RFC 9110). */
const RETRIED_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

const LONGEST_WAIT_MS = 60_000;

/** Retry-After in ms: seconds, or a date seen from `now` (ms since the epoch); undefined when it is absent or neither. RFC 9110 §10.2.3. */
export function retryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\s*\d+\s*$/u.test(value)) return Number(value) * 1000;
  // Date.parse accepts too much: "1.5" becomes a day in May.
  const date = /\d{4}.*\d\d:\d\d/u.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Wait in ms after attempt n (from 1): what the server asks for, else 0.3 s, 0.9 s, 2.7 s. Undefined if it asks for over a minute. */
export function waitBeforeRetry(attempt: number, asked: number | undefined): number | undefined {
  if (asked === undefined) return 300 * 3 ** (attempt - 1);
  return asked > LONGEST_WAIT_MS ? undefined : asked;
}

/** Limit for an error page where the expected answer is smaller. */
const REFUSAL_LIMIT_BYTES = 1024 * 1024;

/**
 * Sends a request and reads the whole answer, whatever its status. Repeats at most three times (honouring Retry-After) without an answer,
 * on time-out, and on 408, 429 and 5xx. Follows redirects over https or to the same host.
 * @throws Unreachable; Failure REDIRECT_REFUSED, ANSWER_TOO_LARGE (exit 4); the host's abort reason
 */
export async function ask(host: Asker, request: HttpRequest): Promise<HttpAnswer> {
  for (let attempts = 1; ; attempts += 1) {
    const result = await attempt(host, request);
    if (!(result instanceof Unreachable)) return result;
    if (attempts > RETRIES) throw result;
    const { url, message, cause, answer } = result;
    const asked = retryAfter(answer?.headers.get("retry-after") ?? null, host.clock.now());
    const wait = waitBeforeRetry(attempts, asked);
    if (wait === undefined)
      throw new Unreachable(
        url,
        `${message}, and asks for a longer wait than this run allows`,
        cause,
        answer,
      );
    await host.clock.sleep(wait, host.signal);
  }
}

/** One attempt: the answer, or what may be different a moment later. */
async function attempt(host: Asker, request: HttpRequest): Promise<HttpAnswer | Unreachable> {
  const { url, timeoutMs } = request;
  host.signal.throwIfAborted();
  return withTimeLimit(timeoutMs, host.signal, async (limit) => {
    try {
      const answer = await followed(host, request, limit);
      return RETRIED_STATUSES.has(answer.status)
        ? new Unreachable(url, `it answered ${String(answer.status)}`, undefined, answer)
        : answer;
    } catch (error) {
      host.signal.throwIfAborted();
      if (error instanceof Failure) throw error;
      const late = `no whole answer within ${String(timeoutMs / 1000)} s`;
      return new Unreachable(url, limit.aborted ? late : connectionTrouble(error), error);
    }
  });
}

async function followed(host: Asker, request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  let url = request.url;
  let headers: Record<string, string> = {
    "accept-encoding": "identity",
    "user-agent": "mesa-template",
    ...request.headers,
  };
  for (let hops = 0; hops <= 5; hops += 1) {
    const response = await host.fetch(url, {
      method: request.form === undefined ? (request.method ?? "GET") : "POST",
      body: request.form ?? request.body ?? null,
      headers,
      redirect: "manual",
      signal,
    });
    const location =
      response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (location === null) {
      const body = await bodyOf(response, request);
      return { status: response.status, url, headers: response.headers, body };
    }
    await response.body?.cancel();
    const next = nextHop(url, location);
    if (new URL(next).host !== new URL(url).host) {
      if (request.form !== undefined) throw refused(`${url} redirects a form to another host: ${next}.`);
      headers = Object.fromEntries(
        Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"),
      );
    }
    url = next;
  }
  throw refusal("REDIRECT_REFUSED", `${request.url} redirects more than 5 times.`);
}

async function bodyOf(response: Response, request: HttpRequest): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const limitBytes = response.ok ? request.limitBytes : Math.max(request.limitBytes, REFUSAL_LIMIT_BYTES);
  if (response.body === null) return new Uint8Array();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > limitBytes) {
      throw refusal(
        "ANSWER_TOO_LARGE",
        `${request.url} sends more than the allowed ${String(limitBytes)} bytes.`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Codes of a certificate whose authority Node does not know (Node, tls, "X509 certificate error codes"). */
const UNKNOWN_AUTHORITY = [
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
];

/** The cause below fetch's "fetch failed", in plain words where OpenSSL's are not. */
function connectionTrouble(error: unknown): string {
  const below = error instanceof Error ? error.cause : undefined;
  if (hasErrno(below, "ERR_SSL_WRONG_VERSION_NUMBER")) return "the server does not speak TLS (https)";
  if (hasErrno(below, ...UNKNOWN_AUTHORITY))
    return `${messageOf(below)}; to trust its authority, set NODE_EXTRA_CA_CERTS to a PEM file`;
  if (below instanceof AggregateError && below.errors.length > 0) return messageOf(below.errors[0]);
  return below === undefined ? messageOf(error) : messageOf(below) || messageOf(error);
}

/**
 * The target of a redirect as an absolute URL: any https address, or over plain http the same host and port as before.
 * @throws Failure REDIRECT_REFUSED (exit 4)
 */
export function nextHop(from: string, location: string): string {
  const before = new URL(from);
  let next: URL;
  try {
    next = new URL(location, before);
  } catch (error) {
    throw refused(`${from} redirects to "${location}", which is not an address.`, error);
  }
  if (next.protocol === "https:") return next.href;
  if (next.protocol === "http:" && before.protocol === "http:" && next.host === before.host) return next.href;
  const to = `plain ${next.protocol.replace(":", "")}`;
  // Without the query, which may hold a signature that opens the file.
  const [here, there] = [before, next].map(({ href }) => href.replace(/\?.*$/su, ""));
  if (next.host !== before.host) throw refused(`${here} redirects to another host over ${to}: ${there}.`);
  throw refused(`${here} redirects from https to ${to}: ${there}.`);
}

function refused(message: string, cause?: unknown): Failure {
  return refusal(
    "REDIRECT_REFUSED",
    message,
    "Others on the network could replace the files. Use a source with https, or a mirror in upstream.toml.",
    cause,
  );
}
