import { systemClock } from "../support/clock";
import { setIn } from "../support/environment";
import { Failure } from "../support/errors";
import { MANIFEST_FILE } from "../support/files/paths";
import type { ManifestEntry } from "./entry";
import { parseManifest, readManifestText } from "./read";
import { oneEntry } from "./versions/ref";
import { usableImage, workspaceAsked } from "./versions/usable-image";

export interface ResolveOptions {
  /** The template, e.g. "debian". */
  readonly template: string;
  /** Path or https address of manifest.json (http only on this machine); default: dockerfiles/manifest.json. */
  readonly manifest?: string;
  /** The Blaxel workspace; default: BL_WORKSPACE, else the only one with deployments in the manifest. */
  readonly workspace?: string;
  /** Default: the global fetch. */
  readonly fetch?: typeof fetch;
  /** Aborts the reading with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface ResolvedTemplate {
  readonly id: string;
  /** Immutable image for SandboxInstance.create({ image }). */
  readonly image: string;
  readonly mesaVersion: string;
  readonly entry: ManifestEntry;
}

async function textOf(place: string, options: ResolveOptions): Promise<string> {
  if (/^[a-z][a-z0-9+.-]*:\/\//iu.test(place)) {
    const { fetchManifest } = await import("./fetch-manifest");
    return fetchManifest(place, {
      fetch: options.fetch ?? fetch,
      clock: systemClock,
      signal: options.signal ?? new AbortController().signal,
    });
  }
  options.signal?.throwIfAborted();
  const text = await readManifestText(place);
  if (text !== undefined) return text;
  throw new Failure({
    code: "MANIFEST_UNREADABLE",
    kind: "manifest",
    message: `${place} cannot be read: there is no such file.`,
    hint: "Give its path or https address as `manifest`.",
  });
}

/**
 * The image of a channel, a Mesa version or an id, for TypeScript that creates sandboxes.
 * @param ref "stable", "0.20.0" or "debian@0.20.0-1"
 * @throws Failure: USAGE, REVOKED, WORKSPACE_UNKNOWN, NOT_DEPLOYED or NOT_VERIFIED if there is no image to use; MANIFEST_ADDRESS,
 * MANIFEST_UNREACHABLE, MANIFEST_UNREADABLE, MANIFEST_CONTRADICTION, MANIFEST_CONFLICT or MANIFEST_NEWER if the manifest cannot be read
 * @example const { image } = await resolveTemplate("stable", { template: "debian" });
 */
export async function resolveTemplate(ref: string, options: ResolveOptions): Promise<ResolvedTemplate> {
  const place = options.manifest ?? MANIFEST_FILE;
  const manifest = parseManifest(await textOf(place, options), place);
  const entry = oneEntry(manifest, ref, [options.template]);
  const inUse = options.workspace ?? setIn(process.env, "BL_WORKSPACE");
  const workspace = workspaceAsked(manifest, inUse === "" ? undefined : inUse);
  return {
    id: entry.id,
    image: usableImage(manifest, entry, workspace),
    mesaVersion: entry.mesaVersion,
    entry,
  };
}
