import { join } from "node:path";
import { keepFacts, keptFacts } from "./body-facts";
import { canonicalJson } from "./canonical-json";
import { sha256 } from "./digest";
import { readIfPresent, writeAtomically } from "./files";
import type { Host } from "./host";
import { ask, type HttpAnswer, type HttpRequest } from "./http";

/** What is kept of an answer: its validators and the name of its body. */
interface Kept {
  readonly headers: Readonly<Record<string, string>>;
  readonly sha256: string;
}

export type Ask = (request: HttpRequest) => Promise<HttpAnswer>;

/** What a large body is read for. */
export interface BodyReader<T> {
  /** The facts that a whole answer (status 200) holds; plain data, which is kept. */
  read(answer: HttpAnswer): Promise<T>;
  /** Facts as they were read or kept; undefined where they are not of this kind. */
  parse(kept: unknown): T | undefined;
}

/** A folder of downloads: bodies under their sha256, and for each address the ETag they came with. Deleting it costs time only. */
export interface Downloads {
  /**
   * The answer to a GET. What is already here is asked for with its ETag or Last-Modified, so that an unchanged body does not travel
   * again (the answer then says 200, as if it had). Only whole 200 answers are kept. Two who ask for the same at the same time get one answer.
   */
  get(request: HttpRequest, ask?: Ask): Promise<HttpAnswer>;
  /**
   * What a GET's answer was read for; its status where that is not 200. Where the same answer was read before and its body
   * here is untouched (size and time; else its hash decides), an unchanged one is neither sent nor read nor hashed again.
   */
  read<T extends object>(request: HttpRequest, reader: BodyReader<T>): Promise<number | T>;
  /** The bytes with this sha256 (hex), when they are here and whole. */
  bytes(hash: string): Promise<Uint8Array | undefined>;
  keep(bytes: Uint8Array): Promise<void>;
}

const KEPT_HEADERS = ["etag", "last-modified", "content-type", "docker-content-digest", "link"];

/** The downloads folder `dir`, for one run of the program. */
export function openDownloads(host: Host, dir: string): Downloads {
  const known = openFolders.get(host)?.get(dir);
  if (known !== undefined) return known;
  const downloads = createDownloads(host, dir);
  openFolders.set(host, new Map([...(openFolders.get(host) ?? []), [dir, downloads]]));
  return downloads;
}

/** Templates locked side by side share their requests: one Downloads for each run and folder. */
const openFolders = new WeakMap<Host, ReadonlyMap<string, Downloads>>();

function createDownloads(host: Host, dir: string): Downloads {
  const underWay = new Map<string, Promise<HttpAnswer>>();
  const reading = new Map<string, Promise<unknown>>();
  const bodyPath = (hash: string): string => join(dir, "sha256", hash);
  const bytes = async (hash: string): Promise<Uint8Array | undefined> => {
    const found = await readIfPresent(bodyPath(hash));
    return found !== undefined && sha256(found) === hash ? found : undefined;
  };
  const keep = async (body: Uint8Array): Promise<void> => {
    await writeAtomically(bodyPath(sha256(body)), body);
  };

  const keptAnswer = (key: string): string => join(dir, "answers", `${key}.json`);
  const fresh = async (request: HttpRequest, key: string, asking: Ask): Promise<HttpAnswer> => {
    const keptPath = keptAnswer(key);
    const kept = parseKept(await readIfPresent(keptPath));
    const body = kept === undefined ? undefined : await bytes(kept.sha256);
    const validators = kept === undefined || body === undefined ? {} : validatorsOf(kept);
    const answer = await asking({ ...request, headers: { ...request.headers, ...validators } });
    if (answer.status === 304 && kept !== undefined && body !== undefined) {
      return { status: 200, url: answer.url, headers: new Headers(kept.headers), body };
    }
    if (answer.status === 200 && KEPT_HEADERS.slice(0, 2).some((name) => answer.headers.has(name))) {
      await keep(answer.body);
      const headers = Object.fromEntries(
        KEPT_HEADERS.flatMap((name) => {
          const value = answer.headers.get(name);
          return value === null ? [] : [[name, value]];
        }),
      );
      await writeAtomically(
        keptPath,
        canonicalJson({ url: request.url, headers, sha256: sha256(answer.body) }),
      );
    }
    return answer;
  };

  const readFresh = async (request: HttpRequest, reader: BodyReader<unknown>): Promise<unknown> => {
    const kept = parseKept(await readIfPresent(keptAnswer(keyOf(request))));
    const known = kept === undefined ? undefined : reader.parse(await keptFacts(dir, kept.sha256));
    let asking: Ask | undefined;
    if (kept !== undefined && known !== undefined) {
      const headers = { ...request.headers, ...validatorsOf(kept) };
      const answer = await ask(host, { ...request, headers });
      if (answer.status === 304) return known;
      asking = () => Promise.resolve(answer);
    }
    const answer = await downloads.get(request, asking);
    if (answer.status !== 200) return answer.status;
    const facts = await reader.read(answer);
    await keepFacts(dir, sha256(answer.body), facts);
    return facts;
  };

  const downloads: Downloads = {
    bytes,
    keep,
    async read(request, reader) {
      const found = await once(reading, keyOf(request), () => readFresh(request, reader));
      if (typeof found === "number") return found;
      const facts = reader.parse(found);
      if (facts === undefined) throw new Error(`${request.url} is read for two different things at once`);
      return facts;
    },
    get: (request, asking = (plain) => ask(host, plain)) =>
      once(underWay, keyOf(request), () => fresh(request, keyOf(request), asking)),
  };
  return downloads;
}

function keyOf({ url, headers }: HttpRequest): string {
  return sha256(`${url}\n${headers?.["accept"] ?? ""}`);
}

/** What is under way for this key already, or what is started now. */
function once<T>(underWay: Map<string, Promise<T>>, key: string, start: () => Promise<T>): Promise<T> {
  const running = underWay.get(key);
  if (running !== undefined) return running;
  const started = start().finally(() => underWay.delete(key));
  underWay.set(key, started);
  return started;
}

function validatorsOf({ headers }: Kept): Record<string, string> {
  const etag = headers["etag"];
  const modified = headers["last-modified"];
  if (etag !== undefined) return { "if-none-match": etag };
  return modified === undefined ? {} : { "if-modified-since": modified };
}

/** A kept answer; undefined when there is none or it is not one of ours (then it is simply fetched again). */
function parseKept(data: Uint8Array | undefined): Kept | undefined {
  if (data === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
    if (typeof value !== "object" || value === null || !("headers" in value) || !("sha256" in value))
      return undefined;
    if (typeof value.sha256 !== "string" || typeof value.headers !== "object" || value.headers === null)
      return undefined;
    const headers = Object.fromEntries(
      Object.entries(value.headers).filter(
        (entry): entry is [string, string] => typeof entry[1] === "string",
      ),
    );
    return { headers, sha256: value.sha256 };
  } catch {
    return undefined;
  }
}
