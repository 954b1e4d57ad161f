import { describe, expect, it } from "vitest";
import { mountFailure } from "../../../../src/sandbox/mount/diagnose";

describe("which part it was, from how the mount script ended and what was said", () => {
  it.each([
    [41, "Mount point '/tmp/m/mnt' already exists and is not empty.", "MOUNT_NOT_EMPTY"],
    [41, "Configuration is invalid.", "MOUNT_REFUSED"],
    [42, "no mount at /tmp/m/mnt in /proc/mounts", "MOUNT_MISSING"],
    [42, "fuse: device not found, try 'modprobe fuse' first", "MOUNT_NO_FUSE"],
    [42, "fuse: failed to open /dev/fuse: Permission denied", "MOUNT_FUSE_DENIED"],
    [42, "fusermount3: mount failed: Operation not permitted", "MOUNT_NO_FUSE"],
    [
      42,
      "fusermount3: option allow_other only allowed if 'user_allow_other' is set in /etc/fuse.conf",
      "MOUNT_ALLOW_OTHER",
    ],
    [43, "get_repo on acme/demo: http 401: {}", "MOUNT_CREDENTIAL"],
    [
      43,
      "resolve_rev on x: code: 'The request does not have valid authentication credentials'",
      "MOUNT_CREDENTIAL",
    ],
    [43, "get_repo on acme/demo: http 403: {}", "MOUNT_CREDENTIAL"],
    [43, "error sending request for url (https://api.mesa.dev/v1/acme/demo)", "MOUNT_API"],
    [43, "resolve_rev on x: code: 'The service is currently unavailable'", "MOUNT_GRPC"],
    [43, "repo 'acme/demo' not found", "MOUNT_REPO"],
    [43, "/tmp/m/mnt/acme/demo is not there", "MOUNT_REPO"],
    [44, "sh: can't create x: Read-only file system", "MOUNT_READ_ONLY"],
    [45, "", "MOUNT_WRONG_BYTES"],
    [46, "the mount is gone", "MOUNT_DIED"],
    [46, "get_repo on acme/demo: http 401: {}", "MOUNT_DIED"],
    [48, "mesa did not come back within 15 s", "MOUNT_HANGS"],
    [99, "what is this", "MOUNT_FAILED"],
  ])("%i %s is %s", (exitCode, output, code) => {
    const failure = mountFailure(exitCode, output, "mount");
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(/^Mesa could not be mounted: /u);
    expect(failure.hint).toBeTruthy();
  });

  it("a write that fails because the credential expired or was revoked between mount and proof is the credential's", () => {
    const said =
      "I/O error\napply_ops on acme/demo: code: 'The request does not have valid authentication credentials'";
    expect(mountFailure(44, said, "mount").code).toBe("MOUNT_CREDENTIAL");
  });

  it("says of what broke later that it did, and of a credential that it ended", () => {
    const ended = mountFailure(43, "get_repo on acme/demo: http 401: {}", "run");
    expect([ended.code, ended.message]).toEqual([
      "CREDENTIAL_ENDED",
      "The mount broke while the command ran: the credential expired or was revoked.",
    ]);
    expect(mountFailure(46, "", "run").message).toMatch(
      /^The mount broke while the command ran: Mesa's daemon died/u,
    );
  });

  it("shows the last lines only, without the empty ones", () => {
    const output = Array.from({ length: 50 }, (_, line) => `line ${String(line)}\n`).join("\n");
    const { log } = mountFailure(41, output, "mount");
    expect([log.length, log.at(-1)]).toEqual([20, "line 49"]);
  });
});
