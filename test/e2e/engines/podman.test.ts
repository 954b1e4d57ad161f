import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEngine, type Engine } from "../../../src/docker/index";
import { credentialsFor } from "../../../src/registry/credentials";
import { testHost } from "../../unit/lock/fixture/test-host";
import { registryOfWorld, releaseOn, seenByDoctor } from "./engine-under-test";
import { realHost } from "../images/fixture-image";
import { buildLayered, holdToExport, LAYERED } from "../images/image-contents";
import { startPodman, whyNoPodman } from "./podman";
import type { Podman } from "./podman-service";
import { temporaryRoot } from "../program";
import { buildCorpusImage, imageOf } from "../images/structure-corpus";

const why = whyNoPodman();

describe.skipIf(why !== undefined)(`on Podman${why === undefined ? "" : ` (${why})`}`, () => {
  const place = temporaryRoot();
  let podman: Podman;
  let on: { readonly env: Readonly<Record<string, string>> };

  beforeAll(async () => {
    podman = await startPodman(await registryOfWorld());
    on = { env: { DOCKER_HOST: podman.address } };
  });
  afterAll(async () => {
    place.remove();
    await podman.stop();
  });

  it("doctor names the engine, and what it cannot do", async () => {
    const seen = await seenByDoctor(on);
    expect(seen.get("engine")).toMatch(/^Podman Engine \d+\.\d+\.\d+ at unix:\S+$/u);
    expect(seen.get("BuildKit")).toBe("not available: the classic builder is used");
    expect(seen.get("/dev/fuse")).toBe("available");
  });

  it("a template is released as far as smoke, with every check", async () => {
    await releaseOn(place.root, "alpine", on);
  });

  it("a login is found where podman login puts it without XDG_RUNTIME_DIR", async () => {
    const env: NodeJS.ProcessEnv = { ...process.env, XDG_RUNTIME_DIR: "" };
    const registry = env["WORLD_REGISTRY_BASIC"] ?? "";
    const text = readFileSync(env["WORLD_REGISTRY_LOGIN"] ?? "", "utf8");
    const { auths } = JSON.parse(text) as { auths: Record<string, { auth: string }> };
    const login = Buffer.from(auths[registry]?.auth ?? "", "base64").toString();
    const [username = "", password = ""] = login.split(":");
    const run = (...args: readonly string[]): unknown =>
      execFileSync("podman", [...args, registry], { env, input: password, stdio: "pipe" });
    run("login", "--tls-verify=false", "--username", username, "--password-stdin");
    try {
      const host = testHost({ env: { HOME: place.root } });
      expect(await credentialsFor(host, { registry })).toEqual({ username, password });
    } finally {
      run("logout");
    }
  });

  describe("an image that was built there", () => {
    const host = realHost("podman");
    let engine: Engine;
    beforeAll(async () => {
      engine = await connectEngine({ ...host, env: { ...host.env, ...on.env } });
    });

    it("is measured with the owners and the links it has", async () => {
      await buildCorpusImage(host, engine, "Debian-like");
      const { files } = await holdToExport(host, engine, imageOf("Debian-like"));
      const found = (path: string): unknown => files.find((file) => file.path === path);
      expect(found("/d/file")).toMatchObject({ kind: "file", mode: 0o640, uid: 1000, gid: 1001 });
      expect(found("/data.txt")).toMatchObject({ kind: "file", uid: 0, gid: 0 });
      expect(found("/dangling")).toMatchObject({ kind: "symlink", content: "nowhere" });
    });

    it("is measured as a container sees it, even if layers hide and replace each other's files", async () => {
      await buildLayered(host, engine);
      await holdToExport(host, engine, LAYERED);
    });
  });
});
