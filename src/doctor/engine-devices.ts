import type { HostDevice } from "../docker/index";
import { Failure } from "../support/errors";

const OPEN_TO_EVERYBODY = 0o006;

/** The devices that are needed, the kernel's module that makes each, and what is lost without it. */
const DEVICES = {
  "/dev/fuse": { module: "fuse", orElse: "smoke skips the mounts" },
  /** For the networks of a rootless engine (slirp4netns, pasta). */
  "/dev/net/tun": { module: "tun", orElse: "no container gets a network" },
};

/**
 * What doctor reports of a device on the engine's machine.
 * @returns text for people
 * @throws Failure NO_DEVICE (exit 3), with the next step, if it cannot be used
 */
export function deviceOnEngine(path: keyof typeof DEVICES, rootless: boolean, found: HostDevice): string {
  const { module, orElse } = DEVICES[path];
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
