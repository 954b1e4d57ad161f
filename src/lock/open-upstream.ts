import type { Host } from "../support/host";
import { serveVendored } from "./serve-vendored";
import { loadUpstream, type Upstream } from "./upstream";

/** One server for each run and vendored folder, whoever asks. */
const served = new WeakMap<Host, Map<string, Promise<string>>>();

/**
 * The upstream as it can be asked: what upstream.toml says, and, where that is a vendored folder, with the folder served on this machine
 * as the mirror of everything until the program ends. Failures as in loadUpstream.
 */
export async function openUpstream(host: Host, path: string): Promise<Upstream> {
  const upstream = await loadUpstream(path);
  if (upstream.vendored === undefined) return upstream;
  const address = await serving(host, upstream.vendored.folder);
  return { ...upstream, mirrors: { images: `${address}/`, packages: `http://${address}` } };
}

function serving(host: Host, folder: string): Promise<string> {
  const folders = served.get(host) ?? new Map<string, Promise<string>>();
  served.set(host, folders);
  const address = folders.get(folder) ?? serveVendored(folder);
  folders.set(folder, address);
  return address;
}
