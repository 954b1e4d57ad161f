import { readFile } from "node:fs/promises";
import { Failure, messageOf } from "../support/errors";
import type { ManifestEntry } from "./entry";
import { parseManifest } from "./read";

export interface ResolveOptions {
  /** Which template, e.g. "debian". */
  readonly template: string;
  /** Path or https address of manifest.json; default: dockerfiles/manifest.json. */
  readonly manifest?: string;
  readonly fetch?: typeof fetch;
}

export interface ResolvedTemplate {
  readonly id: string;
  /** Immutable image for SandboxInstance.create({ image }). */
  readonly image: string;
  readonly mesaVersion: string;
  readonly entry: ManifestEntry;
}

async function textOf(place: string, fetchIt: typeof fetch): Promise<string> {
  if (!/^[a-z]+:\/\//u.test(place)) return readFile(place, "utf8");
  if (!place.startsWith("https://"))
    throw new Failure({
      code: "MANIFEST_ADDRESS",
      kind: "usage",
      message: `${place}: a manifest is read over https or from a file.`,
      hint: "Give an https address.",
    });
  const response = await fetchIt(place, { redirect: "follow", signal: AbortSignal.timeout(30_000) });
  if (!response.ok)
    throw new Failure({
      code: "MANIFEST_UNREADABLE",
      kind: "manifest",
      message: `${place}: HTTP ${String(response.status)}.`,
      hint: "Check the address.",
    });
  return response.text();
}

/**
 * The image that a channel, a Mesa version or an id stands for, for TypeScript that creates sandboxes.
 * @throws Failure when there is none, or it was revoked
 * @example const { image } = await resolveTemplate("stable", { template: "debian" });
 */
export async function resolveTemplate(ref: string, options: ResolveOptions): Promise<ResolvedTemplate> {
  const place = options.manifest ?? "dockerfiles/manifest.json";
  let text: string;
  try {
    text = await textOf(place, options.fetch ?? fetch);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure({
      code: "MANIFEST_UNREADABLE",
      kind: "manifest",
      message: `${place} cannot be read: ${messageOf(error)}`,
      hint: "Give its path or https address as `manifest`.",
      cause: error,
    });
  }
  const manifest = parseManifest(text, place);
  const newest = Object.values(manifest.versions)
    .filter(
      (entry) =>
        entry.template === options.template && entry.mesaVersion === ref && entry.status !== "revoked",
    )
    .sort((a, b) => b.revision - a.revision)[0];
  const entry =
    manifest.versions[ref] ?? manifest.versions[manifest.channels[options.template]?.[ref] ?? ""] ?? newest;
  if (entry === undefined || entry.template !== options.template)
    throw new Failure({
      code: "NOT_FOUND",
      kind: "usage",
      message: `${place}: nothing of ${options.template} is called ${ref}.`,
      hint: "mesa-template list shows what there is.",
    });
  if (entry.status === "revoked")
    throw new Failure({
      code: "REVOKED",
      kind: "usage",
      message: `${entry.id} was revoked: ${entry.revocation?.reason ?? "no reason given"}.`,
      hint: "Use another version.",
    });
  if (entry.deployment === null || !["deployed", "verified"].includes(entry.status))
    throw new Failure({
      code: "NOT_DEPLOYED",
      kind: "usage",
      message: `${entry.id} is ${entry.status}: there is no image of it to use.`,
    });
  return { id: entry.id, image: entry.deployment.image, mesaVersion: entry.mesaVersion, entry };
}
