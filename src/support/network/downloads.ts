import { join } from "node:path";
import * as z from "zod/mini";
import { canonicalJson } from "../text/canonical-json";
import { sha256 } from "../text/digest";
import { unlessFailed } from "../errors";
import { readIfPresent, writeAtomically } from "../files/files";
import type { Host } from "../host";
import { ask, type HttpAnswer, type HttpRequest } from "./http";
import { parsedJson } from "../text/parsed-json";

type Ask = (request: HttpRequest) => Promise<HttpAnswer>;

export type Downloads = ReturnType<typeof openDownloads>;

const KEPT_HEADERS = ["etag", "last-modified", "content-type", "docker-content-digest", "link"];

/** What is kept of an answer: its validators and the digest of its body. */
const keptSchema = z.object({ headers: z.record(z.string(), z.string()), sha256: z.string() });

/** The folder `dir` of downloads: bodies by sha256, and for each address the ETag of its body. Deleting it costs time only. */
export function openDownloads(host: Host, dir: string) {
  const underWay = new Map<string, Promise<HttpAnswer>>();
  const bodyPath = (hash: string): string => join(dir, "sha256", hash);
  const bytes = async (hash: string): Promise<Uint8Array | undefined> => {
    const found = await readIfPresent(bodyPath(hash));
    return found !== undefined && sha256(found) === hash ? found : undefined;
  };
  // In a read-only checkout nothing is kept, which costs time only.
  const store = async (path: string, data: string | Uint8Array): Promise<void> => {
    await unlessFailed("WRITE_FAILED", writeAtomically(path, data));
  };
  const keep = (body: Uint8Array): Promise<void> => store(bodyPath(sha256(body)), body);

  const fresh = async (request: HttpRequest, key: string, asking: Ask): Promise<HttpAnswer> => {
    const keptPath = join(dir, "answers", `${key}.json`);
    // One that is invalid counts as none, and is fetched again.
    const kept = keptSchema.safeParse(parsedJson(await readIfPresent(keptPath))).data;
    const body = kept === undefined ? undefined : await bytes(kept.sha256);
    const validators = kept === undefined || body === undefined ? {} : validatorsOf(kept);
    const answer = await asking({ ...request, headers: { ...request.headers, ...validators } });
    if (answer.status === 304 && kept !== undefined && body !== undefined)
      return { status: 200, url: answer.url, headers: new Headers(kept.headers), body };
    if (answer.status === 200 && (answer.headers.has("etag") || answer.headers.has("last-modified"))) {
      await keep(answer.body);
      const headers = Object.fromEntries([...answer.headers].filter(([name]) => KEPT_HEADERS.includes(name)));
      const text = canonicalJson({ url: request.url, headers, sha256: sha256(answer.body) });
      await store(keptPath, text);
    }
    return answer;
  };

  return {
    /** The bytes with this sha256 (hex), if they are here and intact. */
    bytes,
    keep,
    /**
     * Answers a GET. A body that is already here is requested with its ETag or Last-Modified; if it is unchanged, the result is a 200 with
     * the kept body. Only complete 200 answers are kept. Simultaneous requests for the same address share one answer.
     */
    get(request: HttpRequest, asking: Ask = (plain) => ask(host, plain)): Promise<HttpAnswer> {
      const key = sha256(`${request.url}\n${request.headers?.["accept"] ?? ""}`);
      const running = underWay.get(key);
      if (running !== undefined) return running;
      const started = fresh(request, key, asking).finally(() => underWay.delete(key));
      underWay.set(key, started);
      return started;
    },
  };
}

function validatorsOf({ headers }: z.infer<typeof keptSchema>): Record<string, string> {
  const { etag, "last-modified": modified } = headers;
  if (etag !== undefined) return { "if-none-match": etag };
  return modified === undefined ? {} : { "if-modified-since": modified };
}
