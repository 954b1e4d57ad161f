import { createHash } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { engineAddresses as from } from "../../../../src/docker/connection/address";
import { publishedPorts } from "../../../../src/docker/connection/daemon";
import { withTemporaryFolder } from "../../../../src/support/files/files";

/** A ~/.docker with one context "far" and, when asked, a current one. */
async function withDockerFolder<T>(
  current: string | undefined,
  use: (folder: string) => Promise<T> | T,
): Promise<T> {
  return withTemporaryFolder("docker-config", async (folder) => {
    const id = createHash("sha256").update("far").digest("hex");
    await mkdir(join(folder, "contexts/meta", id), { recursive: true });
    await mkdir(join(folder, "contexts/tls", id, "docker"), { recursive: true });
    const meta = {
      Name: "far",
      Endpoints: { docker: { Host: "tcp://far.example:2376", SkipTLSVerify: true } },
    };
    await writeFile(join(folder, "contexts/meta", id, "meta.json"), JSON.stringify(meta));
    await writeFile(
      join(folder, "config.json"),
      JSON.stringify(current === undefined ? {} : { currentContext: current }),
    );
    return use(folder);
  });
}

describe("where the engine is looked for", () => {
  it("takes DOCKER_HOST before everything else", async () => {
    await withDockerFolder("far", (folder) => {
      expect(
        from({ DOCKER_CONFIG: folder, DOCKER_CONTEXT: "far", DOCKER_HOST: "unix:///tmp/x.sock" }),
      ).toEqual([{ url: "unix:///tmp/x.sock", source: "DOCKER_HOST" }]);
    });
  });

  it("reads DOCKER_HOST without a scheme as tcp, with TLS as the variables say", () => {
    expect(from({ DOCKER_HOST: "far:2375" })).toEqual([{ url: "tcp://far:2375", source: "DOCKER_HOST" }]);
    expect(from({ DOCKER_HOST: "tcp://far:2376", DOCKER_TLS_VERIFY: "1", HOME: "/home/a" })).toEqual([
      { url: "tcp://far:2376", source: "DOCKER_HOST", certificates: "/home/a/.docker", skipVerify: false },
    ]);
    expect(from({ DOCKER_HOST: "tcp://far:2376", DOCKER_TLS: "1", DOCKER_CERT_PATH: "/certs" })).toEqual([
      { url: "tcp://far:2376", source: "DOCKER_HOST", certificates: "/certs", skipVerify: true },
    ]);
  });

  it.each([
    [":2375", "tcp://localhost:2375"],
    ["tcp://:2376", "tcp://localhost:2376"],
    ["tcp://", "tcp://localhost"],
    ["unix://", "unix:///var/run/docker.sock"],
    [" unix:///run/d.sock\n", "unix:///run/d.sock"],
  ])("fills in what DOCKER_HOST leaves out, as the docker command does: %j", (text, url) => {
    expect(from({ DOCKER_HOST: text }).map((address) => address.url)).toEqual([url]);
  });

  it("takes DOCKER_CONTEXT, else the current context, with its certificates", async () => {
    await withDockerFolder("far", (folder) => {
      const [found] = from({ DOCKER_CONFIG: folder });
      expect(found).toMatchObject({
        url: "tcp://far.example:2376",
        source: "the docker context far",
        skipVerify: true,
      });
      expect(found?.certificates).toContain("contexts/tls");
      expect(from({ DOCKER_CONFIG: folder, DOCKER_CONTEXT: "default", HOME: "/h" })[0]?.url).toBe(
        "unix:///var/run/docker.sock",
      );
    });
  });

  it("refuses a context that does not exist", async () => {
    await withDockerFolder(undefined, (folder) => {
      expect(() => from({ DOCKER_CONFIG: folder, DOCKER_CONTEXT: "gone" })).toThrow(
        /The docker context "gone" \(DOCKER_CONTEXT\) does not exist/u,
      );
    });
  });

  it("says that the file of a context may be damaged", async () => {
    await withDockerFolder("far", (folder) => {
      const [id = ""] = readdirSync(join(folder, "contexts/meta"));
      writeFileSync(join(folder, "contexts/meta", id, "meta.json"), "{");
      expect(() => from({ DOCKER_CONFIG: folder })).toThrow(/\(the current one\) .*its file is damaged/u);
    });
  });

  it("falls back to the usual sockets, rootless and Podman last", () => {
    expect(from({ HOME: "/h", XDG_RUNTIME_DIR: "/run/user/1" }).map(({ url }) => url)).toEqual([
      "unix:///var/run/docker.sock",
      "unix:///run/user/1/docker.sock",
      "unix:///h/.docker/run/docker.sock",
      "unix:///run/user/1/podman/podman.sock",
      "unix:///run/podman/podman.sock",
    ]);
  });

  it("binds loopback on this machine only, and reaches a far engine at its own address", () => {
    expect(publishedPorts("unix:///var/run/docker.sock")).toEqual({
      bindTo: "127.0.0.1",
      reachedAt: "127.0.0.1",
    });
    expect(publishedPorts("unix:///var/run/docker.sock", "172.18.0.1")).toEqual({
      bindTo: "0.0.0.0",
      reachedAt: "172.18.0.1",
    });
    expect(publishedPorts("tcp://127.0.0.1:2375").bindTo).toBe("127.0.0.1");
    expect(publishedPorts("ssh://me@far.example:22")).toEqual({
      bindTo: "0.0.0.0",
      reachedAt: "far.example",
    });
  });
});
