import type { Host } from "../support/host";

/** Bytes per request: below the edge's limit (5 MB). */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Reads a file of a sandbox from the last position on, up to PIECE_BYTES. Empty if there is nothing new, or no file yet. */
export type Tail = () => Promise<Uint8Array>;

/**
 * @param base the sandbox API's address, without trailing slash
 * @param headers that the edge requires
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
    // A server without range support sends the whole file with 200.
    const fresh = response.status === 206 ? data : data.subarray(Math.min(offset, data.length));
    offset += fresh.length;
    return fresh;
  };
}
