import type { WorldPart, WorldTools } from "../part";
import { DEFAULT_VERSIONS, repositoryMaker } from "./repository";
import { serveRepository } from "./serve";

export interface AptPart extends WorldPart {
  /** The public key, ASCII-armoured, on the host. */
  readonly keyPath: string;
  readonly fingerprint: string;
  /** Publishes another version, behaving as its generation; the index is signed anew. @throws Error when it is no version */
  addVersion(version: string): Promise<void>;
  /** Takes a version away, from the index and from the pool. */
  removeVersion(version: string): Promise<void>;
}

/** Serves Mesa's package repository with its signature chain, and its faults. */
export async function startApt(tools: WorldTools, toolchain: string): Promise<AptPart> {
  const maker = await repositoryMaker(tools, toolchain);
  let versions = DEFAULT_VERSIONS;
  let root = await maker.make(versions);
  const close = await serveRepository(tools, { root: () => root, keyPath: maker.keyPath });
  const publish = async (next: readonly string[]): Promise<void> => {
    root = await maker.make(next, true);
    versions = next;
    // apt tells states apart by Last-Modified, which counts seconds: the next one must not come in the same.
    await new Promise((done) => setTimeout(done, 1_000 - (Date.now() % 1_000)));
  };
  return {
    keyPath: maker.keyPath,
    fingerprint: maker.fingerprint,
    close,
    addVersion: (version) => publish([...versions.filter((other) => other !== version), version]),
    removeVersion: (version) => publish(versions.filter((other) => other !== version)),
    reset: async () => {
      if (versions !== DEFAULT_VERSIONS) await publish(DEFAULT_VERSIONS);
    },
  };
}
