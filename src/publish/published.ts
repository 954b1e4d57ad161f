/** A proven image in a registry. */
export interface Published {
  /** registry/path:tag */
  readonly reference: string;
  /** Of the manifest that the registry holds there, sha256:… */
  readonly digest: string;
}

/** Where a template version is published: registry/<sandbox name>:<Mesa version>-<revision>. A tag has no "+". */
export function publishedReference(
  registry: string,
  version: { readonly name: string; readonly mesaVersion: string; readonly revision: number },
): string {
  const { name, mesaVersion, revision } = version;
  return `${registry}/${name}:${mesaVersion.replaceAll("+", "_")}-${String(revision)}`;
}
