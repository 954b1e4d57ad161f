import { warnThatStays, withCleanUp } from "../support/clean-up";
import type { Host } from "../support/host";
import type { Engine, PathStat } from "./engine";

/** Where the engine's /dev is seen in a container that is never started. */
const SEEN_AT = "/dev-of-the-engine";

/** What an engine says of a device: undefined when there is none, "untold" when it does not say what it is. */
export type HostDevice = PathStat | "untold" | undefined;

/**
 * Devices of the engine's own machine, which need not be this one: asked of the engine, through a container that is never started
 * from an image without a file; both are removed again.
 * @param paths below /dev
 * @throws Failure ENGINE_FAILED, ENGINE_GONE (environment)
 */
export async function hostDevices<Path extends `/dev/${string}`>(
  host: Host,
  engine: Engine,
  paths: readonly Path[],
): Promise<Readonly<Record<Path, HostDevice>>> {
  const image = await engine.emptyImage();
  const look = async (): Promise<Readonly<Record<Path, HostDevice>>> => {
    // The folder, not the device: an engine would make a folder of that name where there is none.
    const binds = [`/dev:${SEEN_AT}:ro`];
    const id = await engine.createContainer({ image, binds, cmd: ["nothing"] });
    const found = await withCleanUp(
      () => Promise.all(paths.map((path) => engine.pathStat(id, path.replace("/dev", SEEN_AT), host.signal))),
      () => engine.removeContainer(id),
      warnThatStays(host, `the container ${id.slice(0, 12)}`),
    );
    return Object.fromEntries(paths.map((path, at) => [path, found[at]])) as Record<Path, HostDevice>;
  };
  return withCleanUp(
    look,
    async () => {
      await engine.removeImage(image);
    },
    warnThatStays(host, `the empty image ${image}`),
  );
}
