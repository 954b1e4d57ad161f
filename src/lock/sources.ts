import type { Repository } from "../apt/index";
import { resolveImage, type RegistryOptions, type ResolvedImage } from "../registry/index";
import type { Host } from "../support/host";
import type { Downloads } from "../support/network/downloads";
import type { Upstream } from "./upstream";

/** Where the inputs of locks come from, and what asks there. */
export interface Sources {
  readonly host: Host;
  readonly upstream: Upstream;
  /** Shared, because templates that are locked in parallel share their requests. */
  readonly downloads: Downloads;
}

/** Mesa's package repository, described as apt does. */
export function mesaRepository({ host, upstream: { mesa, mirrors }, downloads }: Sources): Repository {
  const { repository: url, suite, component, package: name } = mesa;
  return { host, downloads, url, suite, component, package: name, mirror: mirrors.packages };
}

/** How image registries are asked. */
export function registryOptions({ upstream, downloads }: Sources): RegistryOptions {
  return { mirror: upstream.mirrors.images, downloads };
}

/** What an image's tag points at now. Failures as in resolveImage. */
export function imageNow(sources: Sources, image: string): Promise<ResolvedImage> {
  return resolveImage(sources.host, image, registryOptions(sources));
}
