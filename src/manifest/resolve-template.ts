import { systemClock } from "../support/clock";
import { setIn } from "../support/environment";
import { Failure } from "../support/errors";
import { MANIFEST_FILE } from "../support/files/paths";
import { ask, Unreachable } from "../support/network/http";
import { isLoopback } from "../support/network/loopback";
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

/** A manifest of 10,000 versions has some 10 MB; anything much larger is not a manifest. */
const LIMIT_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

function unreachable(place: string, why: string, cause?: unknown): Failure {
  return new Failure({
    code: "MANIFEST_UNREACHABLE",
    kind: "environment",
    message: `${place}: ${why}.`,
    hint: "Check the address, and whether it is readable without a login.",
    cause,
  });
}

/** The text of a manifest at an address. Retries without an answer; follows redirects to https only. */
async function fetched(place: string, { fetch = globalThis.fetch, signal }: ResolveOptions): Promise<string> {
  const { protocol, hostname } = URL.canParse(place) ? new URL(place) : { protocol: "", hostname: "" };
  // Only these are safe from changes in transit.
  if (protocol !== "https:" && !(protocol === "http:" && isLoopback(hostname)))
    throw new Failure({
      code: "MANIFEST_ADDRESS",
      kind: "usage",
      message: `${place}: a manifest is read from a file or over https (http only from this machine).`,
      hint: "Give an https address.",
    });
  const asker = { fetch, clock: systemClock, signal: signal ?? new AbortController().signal };
  const request = { url: place, limitBytes: LIMIT_BYTES, timeoutMs: TIMEOUT_MS };
  const { status, body } = await ask(asker, request).catch((error: unknown) => {
    throw error instanceof Unreachable ? unreachable(place, error.message, error.cause) : error;
  });
  if (status !== 200) throw unreachable(place, `it answered ${String(status)}`);
  return Buffer.from(body).toString("utf8");
}

async function textOf(place: string, options: ResolveOptions): Promise<string> {
  if (/^[a-z][a-z0-9+.-]*:\/\//iu.test(place)) return fetched(place, options);
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
 * MANIFEST_UNREACHABLE, REDIRECT_REFUSED, ANSWER_TOO_LARGE, MANIFEST_UNREADABLE, MANIFEST_CONTRADICTION, MANIFEST_CONFLICT or MANIFEST_NEWER
 * if the manifest cannot be read; the signal's reason when aborted
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
