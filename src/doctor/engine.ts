import { hostDevices, type HostDevice } from "../docker/index";
import type { Run } from "../release/run";
import { Failure } from "../support/errors";
import { within } from "../support/processes/within";
import { finding, type Finding } from "./finding";

const OPEN_TO_EVERYBODY = 0o006;

/** The devices that are needed, the kernel's module that makes each, and what is lost without it. */
const DEVICES = {
  "/dev/fuse": { module: "fuse", orElse: "smoke skips the mounts" },
  /** For the networks of a rootless engine (slirp4netns, pasta). */
  "/dev/net/tun": { module: "tun", orElse: "no container gets a network" },
};

type Device = keyof typeof DEVICES;

/**
 * What doctor reports of a device on the engine's machine.
 * @returns text for people
 * @throws Failure NO_DEVICE (exit 3), with the next step, if it cannot be used
 */
export function deviceOnEngine(path: Device, rootless: boolean, found: HostDevice): string {
  const { module, orElse } = DEVICES[path];
  if (found?.type !== "character-device")
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

/** Time limit for the engine to list its devices, in ms. */
const ANSWER_LIMIT_MS = 30_000;

function noAnswer(): Failure {
  return new Failure({
    code: "ENGINE_GONE",
    kind: "environment",
    message: `the engine did not answer within ${String(ANSWER_LIMIT_MS / 1000)} s`,
    hint: "Check whether it can still create containers (docker create).",
  });
}

/** The engine and its abilities, as the engine reports them. Never rejects. */
export async function engineFindings(run: Run): Promise<readonly Finding[]> {
  const { host } = run;
  const connecting = run.engine();
  const connected = await finding("engine", async () => {
    const { name, version, address, rootless } = (await connecting).facts;
    return `${name} ${version} at ${address}${rootless ? ", rootless" : ""}`;
  });
  // Without an engine, all other findings would repeat the same.
  if (!connected.ok) return [connected];
  const engine = await connecting;
  const { buildKit, rootless } = engine.facts;
  const asked = hostDevices(host, engine, ["/dev/fuse", "/dev/net/tun"]);
  const devices = within(host.clock, asked, ANSWER_LIMIT_MS, host.signal, noAnswer);
  const device = (path: Device): Promise<Finding> =>
    finding(path, async () => deviceOnEngine(path, rootless, (await devices)[path]));
  const found = await Promise.all([device("/dev/fuse"), ...(rootless ? [device("/dev/net/tun")] : [])]);
  const builder = buildKit ? "used through the engine's API" : "not available: the classic builder is used";
  return [connected, { name: "BuildKit", ok: true, seen: builder }, ...found];
}
