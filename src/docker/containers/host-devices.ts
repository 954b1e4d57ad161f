import { warnThatStays, withCleanUp } from "../../support/processes/clean-up";
import type { Host } from "../../support/host";
import type { ContainerEntry, Engine } from "../engine";
import { removeLeft } from "../leftovers";

/** Where a container that is never started sees the engine's /dev. */
const SEEN_AT = "/dev-of-the-engine";

/** A device according to the engine; undefined if there is none. */
export type HostDevice = Pick<ContainerEntry, "type" | "mode"> | undefined;

/**
 * Devices of the engine's machine, which may be another one. Reads them through a container that is never started, from an image without
 * files; removes both afterwards.
 * @param paths below /dev
 * @throws Failure ENGINE_FAILED, ENGINE_GONE (exit 3)
 */
export async function hostDevices<Path extends `/dev/${string}`>(
  host: Host,
  engine: Engine,
  paths: readonly Path[],
): Promise<Readonly<Record<Path, HostDevice>>> {
  // Here and not with the containers at each connection: an engine reads all its images to list some.
  await removeLeft(
    host,
    (labels) => engine.images(labels),
    (id) => engine.removeImage(id),
  );
  const image = await engine.emptyImage();
  const readDevices = async (): Promise<Readonly<Record<Path, HostDevice>>> => {
    // The folder, not the device: an engine would create a missing path as a folder.
    const binds = [`/dev:${SEEN_AT}:ro`];
    const id = await engine.createContainer({ image, anyPlatform: true, binds, cmd: ["nothing"] });
    const found = await withCleanUp(
      () => Promise.all(paths.map((path) => engine.entry(id, path.replace("/dev", SEEN_AT)))),
      () => engine.removeContainer(id),
      warnThatStays(host, `the container ${id.slice(0, 12)}`),
    );
    return Object.fromEntries(paths.map((path, at) => [path, found[at]])) as Record<Path, HostDevice>;
  };
  return withCleanUp(
    readDevices,
    async () => {
      await engine.removeImage(image);
    },
    warnThatStays(host, `the empty image ${image}`),
  );
}
