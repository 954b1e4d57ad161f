import type { Engine } from "../docker/index";
import type { Sources } from "../lock/sources";
import type { Upstream } from "../lock/upstream";
import { unlessFailed } from "../support/errors";
import { refuseLinksIn } from "../support/files/links";
import type { Host } from "../support/host";
import type { Downloads } from "../support/network/downloads";
import type { Paths } from "../support/files/paths";

/** What the use cases of one run of the program share. Each part is made on first use, once; after a failure the next use tries again. */
export interface Run {
  readonly host: Host;
  /** Folder that holds templates/ and dockerfiles/ (absolute). Reading it throws Failure NO_PROJECT (exit 2) outside a project. */
  readonly root: string;
  /** The engine in use, without what dead runs left on it. @throws Failure ENGINE_UNREACHABLE (exit 3) */
  readonly engine: () => Promise<Engine>;
  /** upstream.toml. @throws Failure UPSTREAM_INVALID, UPSTREAM_MISSING (exit 2) */
  readonly upstream: () => Promise<Upstream>;
  /** Shared, because templates that are locked in parallel share their requests. @throws Failure LINK_REFUSED (exit 2) */
  readonly downloads: () => Promise<Downloads>;
}

/**
 * The parts of a run.
 * @param places asked for when needed, because there may be no project
 */
export function newRun(
  host: Host,
  places: () => Pick<Paths, "root" | "upstream" | "cache">,
): Omit<Run, "root"> {
  return {
    host,
    engine: once(async () => (await import("../docker/index")).connectEngine(host)),
    upstream: once(async () => (await import("../lock/upstream")).loadUpstream(places().upstream)),
    downloads: once(async () => {
      const { openDownloads } = await import("../support/network/downloads");
      const { root, cache } = places();
      await refuseLinksIn(root, cache, 1);
      return openDownloads(host, cache);
    }),
  };
}

/** Where locks come from: upstream.toml and the downloads of a run. @throws Failure as upstream() */
export async function sourcesOf({ host, upstream, downloads }: Run): Promise<Sources> {
  return { host, upstream: await upstream(), downloads: await downloads() };
}

/** upstream.toml; undefined if there is none. */
export async function upstreamIfPresent({ upstream }: Pick<Run, "upstream">): Promise<Upstream | undefined> {
  return unlessFailed("UPSTREAM_MISSING", upstream());
}

/** Makes a value on the first call and keeps it; after a failure the next call tries again. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
