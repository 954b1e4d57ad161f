/** A proven image in a registry. */
export interface Published {
  /** registry/path:tag */
  readonly reference: string;
  /** Digest of its manifest in the registry, sha256:… */
  readonly digest: string;
}

/** registry/path and tag of a published image's reference. */
export function partsOf(reference: string): { readonly repository: string; readonly tag: string } {
  const colon = reference.lastIndexOf(":");
  return { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}

/** The reference of a published template version: registry/<sandbox name>:<Mesa version>-<revision>. A tag has no "+". */
export function publishedReference(
  registry: string,
  version: { readonly name: string; readonly mesaVersion: string; readonly revision: number },
): string {
  const { name, mesaVersion, revision } = version;
  return `${registry}/${name}:${mesaVersion.replaceAll("+", "_")}-${String(revision)}`;
}
