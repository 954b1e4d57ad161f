import type { Host } from "../support/host";

/** How much of a file is asked for at a time, in bytes: below what the edge lets through (5 MB). */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Reads a file of a sandbox from where it was read to last time, up to PIECE_BYTES. Nothing new, or no file yet: empty. */
export type Tail = () => Promise<Uint8Array>;

/**
 * @param base the sandbox API's address, without a trailing slash
 * @param headers with which the edge lets a request through
 */
export function tailOf(
  host: Host,
  base: string,
  headers: Readonly<Record<string, string>>,
  path: string,
): Tail {
  let offset = 0;
  return async () => {
    const range = `bytes=${String(offset)}-${String(offset + PIECE_BYTES - 1)}`;
    const response = await host.fetch(`${base}/filesystem/${encodeURIComponent(path)}?download=true`, {
      headers: { ...headers, Accept: "application/octet-stream", Range: range },
      signal: AbortSignal.timeout(30_000),
    });
    if (response.status === 416 || response.status === 404) {
      await response.body?.cancel();
      return new Uint8Array();
    }
    if (!response.ok) throw new Error(`HTTP ${String(response.status)}`);
    const data = new Uint8Array(await response.arrayBuffer());
    // A server that does not know ranges sends the whole file with 200.
    const fresh = response.status === 206 ? data : data.subarray(Math.min(offset, data.length));
    offset += fresh.length;
    return fresh;
  };
}
