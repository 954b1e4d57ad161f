import { describe, expect, it } from "vitest";
import { buildFailure } from "../../../src/build/build-failure";

const RUN = `apk add fuse3 && { echo "mesa-template: wrong mesa: $said"; exit 1; }`;
const BUILDKIT = `executor failed running [/bin/sh -c ${RUN}]: exit code: 1`;

describe("buildFailure", () => {
  it.each([
    [
      "DEB_HASH_MISMATCH",
      ["E: Failed to fetch https://deb.example.org/pool/mesa_0.20.0_amd64.deb  Hash Sum mismatch"],
      BUILDKIT,
    ],
    ["DEB_HASH_MISMATCH", ["/tmp/mesa.deb: FAILED"], BUILDKIT],
    ["WRONG_MESA_VERSION", ["mesa-template: wrong mesa: mesa 9.9.9"], BUILDKIT],
    ["BASE_LACKS_FUSE3", ["  fuse3 (no such package):"], BUILDKIT],
    [
      "BASE_LACKS_FUSE3",
      ["E: Unable to locate package fuse3"],
      "The command '/bin/sh -c apt-get' returned a non-zero code: 100",
    ],
    [
      "MESA_DOES_NOT_START",
      [
        "Error loading shared library libgcc_s.so.1: No such file or directory (needed by /usr/bin/mesa)",
        "mesa-template: wrong mesa: ",
      ],
      BUILDKIT,
    ],
    ["BUILD_NETWORK", ["curl: (6) Could not resolve host: deb.example.org"], BUILDKIT],
    [
      "BUILD_NETWORK",
      [
        "W: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.debian.org'",
        "E: Unable to locate package fuse3",
      ],
      BUILDKIT,
    ],
    [
      "BUILD_NETWORK",
      ["WARNING: fetching main: temporary error (try again later)", "  fuse3 (no such package):"],
      BUILDKIT,
    ],
    ["BASE_UNAVAILABLE", [], "manifest unknown: manifest unknown"],
  ])("says %s from what the step printed", (code, tail, message) => {
    expect(buildFailure("alpine", { step: "RUN apk", message, lines: tail })).toMatchObject({
      code,
      kind: "build",
      log: tail,
    });
  });

  it.each([
    ["BuildKit", ["some trouble"], BUILDKIT],
    [
      "newer BuildKit",
      ["some trouble"],
      `process "/bin/sh -c ${RUN}" did not complete successfully: exit code: 1`,
    ],
    [
      "the classic builder",
      [`Step 5/9 : RUN ${RUN}`, "some trouble"],
      `The command '/bin/sh -c ${RUN}' returned a non-zero code: 1`,
    ],
  ])("does not take the instruction that %s repeats for output", (_, tail, message) => {
    expect(buildFailure("alpine", { step: undefined, message, lines: tail }).code).toBe("BUILD_FAILED");
  });

  it.each([
    ["BuildKit", BUILDKIT],
    ["newer BuildKit", `process "/bin/sh -c ${RUN}" did not complete successfully: exit code: 1`],
    ["the classic builder", `The command '/bin/sh -c ${RUN}' returned a non-zero code: 1`],
  ])("says how an instruction ended, and not the instruction once more (%s)", (_, message) => {
    expect(buildFailure("alpine", { step: "RUN one", message, lines: [] }).message).toBe(
      'The image could not be built: the step "RUN one" failed: exit code: 1',
    );
  });

  it("names the step, shortened, and the first line of the message", () => {
    const step = `RUN ${"x".repeat(300)}`;
    const { message } = buildFailure("alpine", { step, message: "first\nsecond", lines: [] });
    expect(message).toMatch(/the step "RUN x+…" failed: first$/u);
  });
});
