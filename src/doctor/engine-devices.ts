import type { HostDevice } from "../docker/index";
import { Failure } from "../support/errors";

const OPEN_TO_EVERYBODY = 0o006;

/**
 * What doctor reports of /dev/fuse on the engine's machine.
 * @returns text for people
 * @throws Failure NO_DEVICE (exit 3), with the next step, if smoke will skip the mounts
 */
export function fuseOnEngine(rootless: boolean, found: HostDevice): string {
  return usable({ path: "/dev/fuse", rootless, found, module: "fuse", orElse: "smoke skips the mounts" });
}

/**
 * What doctor reports of /dev/net/tun on a rootless engine's machine, which its networks need (slirp4netns, pasta).
 * @returns text for people
 * @throws Failure NO_DEVICE (exit 3), with the next step, if containers will have no network
 */
export function tunOnEngine(found: HostDevice): string {
  return usable({
    path: "/dev/net/tun",
    rootless: true,
    found,
    module: "tun",
    orElse: "no container gets a network",
  });
}

function usable(device: {
  readonly path: string;
  readonly rootless: boolean;
  readonly found: HostDevice;
  readonly module: string;
  readonly orElse: string;
}): string {
  const { path, rootless, found, module, orElse } = device;
  if (found === "untold") return "the engine does not report it";
  if (found?.kind !== "character")
    throw noDevice(
      "not on the engine's machine",
      `Load the kernel's module there (modprobe ${module}), or use an engine on a host that has it. Without it, ${orElse}.`,
    );
  const mode = found.mode.toString(8);
  if (rootless && (found.mode & OPEN_TO_EVERYBODY) !== OPEN_TO_EVERYBODY)
    throw noDevice(
      `rootless: the engine's user may not open it (mode ${mode})`,
      `Give every user access on the engine's machine (chmod 666 ${path}, as udev does), or use an engine that runs as root. Without it, ${orElse}.`,
    );
  return rootless ? `present, and accessible to the rootless engine's user (mode ${mode})` : "available";
}

function noDevice(message: string, hint: string): Failure {
  return new Failure({ code: "NO_DEVICE", kind: "environment", message, hint });
}
