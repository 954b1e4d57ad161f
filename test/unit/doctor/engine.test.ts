import { describe, expect, it } from "vitest";
import { deviceOnEngine } from "../../../src/doctor/engine";
import type { HostDevice } from "../../../src/docker/index";

const device = (mode: number): HostDevice => ({ type: "character-device", mode });

describe("what doctor says of the devices of the engine's machine", () => {
  it("an engine that runs as root can use /dev/fuse whatever its mode", () => {
    expect(deviceOnEngine("/dev/fuse", false, device(0o600))).toBe("available");
  });

  it("a rootless one only when it is open to everybody", () => {
    expect(deviceOnEngine("/dev/fuse", true, device(0o666))).toBe(
      "present, and accessible to the rootless engine's user (mode 666)",
    );
    expect(() => deviceOnEngine("/dev/fuse", true, device(0o660))).toThrow(
      expect.objectContaining({
        kind: "environment",
        message: "rootless: the engine's user may not open it (mode 660)",
        hint: expect.stringMatching(
          /chmod 666 \/dev\/fuse.*Without it, smoke skips the mounts\.$/u,
        ) as string,
      }),
    );
  });

  it.each([undefined, { type: "directory", mode: 0o755 } as const])("%j is no device", (found) => {
    expect(() => deviceOnEngine("/dev/fuse", false, found)).toThrow(
      expect.objectContaining({ message: "not on the engine's machine" }),
    );
  });

  it("a rootless engine without /dev/net/tun has no network for containers", () => {
    expect(() => deviceOnEngine("/dev/net/tun", true, device(0o600))).toThrow(
      expect.objectContaining({
        hint: expect.stringMatching(
          /chmod 666 \/dev\/net\/tun.*Without it, no container gets a network/u,
        ) as string,
      }),
    );
    expect(deviceOnEngine("/dev/net/tun", true, device(0o666))).toMatch(/^present/u);
  });
});
