import { stringify } from "smol-toml";
import type { Upstream } from "./upstream";

/** The upstream.toml of a vendored folder: the same sources, with the folder itself in the place of all mirrors. */
export function vendoredUpstreamText(
  { sandboxApi, mesa, snapshot }: Upstream,
  fingerprint: string | undefined,
  at: string,
): string {
  const { vouched, repository, suite, component, pool } = mesa;
  const tables = {
    "sandbox-api": { image: sandboxApi.image },
    mesa: {
      vouched,
      repository,
      suite,
      component,
      package: mesa.package,
      ...(fingerprint === undefined ? {} : { key: VENDORED_KEY, fingerprint }),
      ...(pool === undefined ? {} : { pool }),
    },
    ...(snapshot === undefined ? {} : { snapshot: { ...snapshot } }),
    vendored: { folder: ".", at },
  };
  return `${HEAD}\n${stringify(tables)}`;
}

/** Where a vendored folder keeps the repository's key. */
export const VENDORED_KEY = "keys/repository.asc";

const HEAD = `# Written by mesa-template vendor. Point a machine without network at it: --upstream FILE, or MESA_TEMPLATE_UPSTREAM=FILE.
# Everything is fetched from this folder, under the names it has in the world: digests, hashes and locks stay the same.
# Signatures and dates are judged as of the moment below.
`;
