import {
  endContainersOf,
  isRoot,
  podmanPlace,
  removePlace,
  startService,
  whyNotInstalled,
  type Podman,
} from "./podman-service";

/** Why there is no Podman here that runs as root; undefined where there is one. */
export function whyNoPodman(): string | undefined {
  const why = whyNotInstalled(["podman", "/usr/bin/catatonit"], ["podman", "catatonit"]);
  return why ?? (isRoot() ? undefined : "podman is there, but this is not root");
}

/** Starts a service that runs as root. `registry` is a plain-http registry (host:port) that it may pull from. */
export function startPodman(registry: string): Promise<Podman> {
  const place = podmanPlace(registry);
  return startService({
    place,
    end: (service) => service.kill("SIGTERM"),
    tidyUp: () => {
      endContainersOf(place);
      removePlace(place);
    },
  });
}
