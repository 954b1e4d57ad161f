import { describe, expect, it } from "vitest";
import { openMesaSandbox, type MesaSandboxOptions } from "../../../src/sandbox/with-mesa-sandbox";
import { ORGANIZATIONS } from "../../world/mesa/state";

/** An address where nobody answers: whoever gets that far was not refused before. */
const env = {
  MESA_API_URL: "http://127.0.0.1:9",
  MESA_PRIVATE_KEY: ORGANIZATIONS["acme"]?.privateKey,
};

const open = (options: Partial<MesaSandboxOptions>): Promise<unknown> =>
  openMesaSandbox({ image: "sandbox/mesa:1", mesaVersion: "0.49.1", env, ...options });

describe("what the library mounts", () => {
  it.each([
    ["repos", { repos: ["acme/demo"] }],
    ["mounts", { mounts: ["acme/demo:/app:rw", "docs:/docs@v2"] }],
    ["a layout", { layout: { "/app": { kind: "repo", name: "demo", mode: "rw" } } }],
  ] as const)("%s", async (_, options) => {
    await expect(open(options)).rejects.toMatchObject({ code: "MESA_UNREACHABLE" });
  });

  it.each([
    ["nothing", {}, "REPO_NAME"],
    ["no mounts", { mounts: [] }, "REPO_NAME"],
    ["two ways at once", { repos: ["acme/demo"], mounts: ["acme/demo"] }, "MOUNT_OPTION"],
    [
      "a layout, and write",
      { layout: { "/app": { kind: "repo", name: "demo", mode: "ro" } }, write: true },
      "MOUNT_OPTION",
    ],
    ["what is no mount", { mounts: ["acme/demo:app"] }, "MOUNT_OPTION"],
    ["a version that is none", { mesaVersion: "v0.49", repos: ["acme/demo"] }, "UNKNOWN_GENERATION"],
    ["an empty layout", { layout: {} }, "MESA_LAYOUT"],
    [
      "paths of its own with a version that has none",
      { mesaVersion: "0.43.0", mounts: ["acme/demo:/app"] },
      "MESA_LAYOUT_UNFIT",
    ],
  ] as const)("is not %s", async (_, options, code) => {
    await expect(open(options)).rejects.toMatchObject({ code, kind: "usage" });
  });
});
