import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { connectEngine, type EngineFacts } from "../../../../src/docker/index";
import { sshArguments } from "../../../../src/docker/connection/ssh-agent";
import type { Failure } from "../../../../src/support/errors";
import { withTemporaryFolder } from "../../../../src/support/files/files";
import { sha256 } from "../../../../src/support/text/digest";
import { testHost } from "../../lock/fixture/test-host";
import { fakeEngine, type FakeEngine } from "../fixture/fake-engine";

const servers: Server[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

async function listening<T extends Server>(server: T, at: string | number): Promise<T> {
  servers.push(server);
  await new Promise<void>((done) => {
    if (typeof at === "number") server.listen(at, "127.0.0.1", done);
    else server.listen(at, done);
  });
  return server;
}

const docker: FakeEngine = {
  component: "Engine",
  buildKit: true,
  securityOptions: ["name=apparmor", "name=rootless"],
  asked: [],
};
const podman: FakeEngine = { component: "Podman Engine", buildKit: false, asked: [] };

/** What an engine says of itself to whoever connects through its socket. */
const factsOf = (engine: FakeEngine): Promise<EngineFacts> =>
  withTemporaryFolder("engine", async (folder) => {
    const socket = join(folder, "e.sock");
    await listening(createHttpServer(fakeEngine(engine)), socket);
    return (await connectEngine(testHost({ env: { DOCKER_HOST: `unix://${socket}` } }))).facts;
  });

describe("connecting to an engine", () => {
  it("asks it what it is and can do", async () => {
    expect(await factsOf(docker)).toMatchObject({
      name: "Docker Engine",
      version: "9.9",
      buildKit: true,
      appArmor: true,
      rootless: true,
      publish: { reachedAt: "127.0.0.1" },
    });
  });

  it("takes the path of a socket as it is written", async () => {
    await withTemporaryFolder("engine", async (folder) => {
      const socket = join(folder, "a b%20c#d?e.sock");
      await listening(createHttpServer(fakeEngine(docker)), socket);
      const host = testHost({ env: { DOCKER_HOST: `unix://${socket}` } });
      expect((await connectEngine(host)).facts.version).toBe("9.9");
    });
  });

  it("says that a server of another kind is no engine", async () => {
    const server = await listening(
      createHttpServer((_request, response) => response.end("<html>")),
      0,
    );
    const url = `tcp://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    await expect(connectEngine(testHost({ env: { DOCKER_HOST: url } }))).rejects.toMatchObject({
      code: "ENGINE_UNREACHABLE",
      log: [expect.stringMatching(/it is no container engine/u) as string],
    });
  });

  it.each(["ssh://me:hunter2@127.0.0.1", "tcp://me:hunter2@127.0.0.1:1"])(
    "does not repeat a password in an address",
    async (url) => {
      const failure = await connectEngine(testHost({ env: { DOCKER_HOST: url } })).catch(
        (error: unknown) => error as Failure,
      );
      const { code, message, log } = failure as Failure;
      expect(code).toBe("ENGINE_UNREACHABLE");
      expect([message, ...log].join("\n")).not.toContain("hunter2");
    },
  );

  it("reads variables of the engine as the docker command does, not as docker-modem does", async () => {
    const server = await listening(createHttpServer(fakeEngine(docker)), 0);
    const env = {
      DOCKER_HOST: `tcp://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
      DOCKER_CERT_PATH: "/nowhere",
      DOCKER_PATH_PREFIX: "/elsewhere/",
    };
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    expect((await connectEngine(testHost({ env }))).facts.version).toBe("9.9");
    expect(process.env["DOCKER_HOST"]).toBe(env.DOCKER_HOST);
  });

  it.each([true, false])("hears from Podman whether it is rootless: %s", async (rootless) => {
    expect((await factsOf({ ...podman, rootless })).rootless).toBe(rootless);
  });

  it("sees that BuildKit is missing by asking for it, not by a name", async () => {
    expect(await factsOf(podman)).toMatchObject({ name: "Podman Engine", buildKit: false, appArmor: false });
  });

  it.each([
    ["2", true, []],
    ["1", false, ["POST /session"]],
    ["", false, ["POST /session"]],
  ])(
    "takes Builder-Version: %j for what it says, and asks on where it is not 2",
    async (said, buildKit, on) => {
      const newer: FakeEngine = { component: "Engine", buildKit: false, builderVersion: said, asked: [] };
      expect((await factsOf(newer)).buildKit).toBe(buildKit);
      expect(newer.asked.filter((asked) => asked.endsWith("/session"))).toEqual(on);
    },
  );

  it("goes over tcp with TLS, and takes only an engine that the certificate authority vouches for", async () => {
    await withTemporaryFolder("engine", async (folder) => {
      const make = (name: string): void => {
        mkdirSync(join(folder, name));
        execFileSync(
          "openssl",
          [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            join(folder, name, "key.pem"),
            "-out",
            join(folder, name, "cert.pem"),
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
          ],
          { stdio: "ignore" },
        );
        writeFileSync(join(folder, name, "ca.pem"), readFileSync(join(folder, name, "cert.pem")));
      };
      make("right");
      make("wrong");
      const server = await listening(
        createTlsServer(
          {
            key: readFileSync(join(folder, "right/key.pem")),
            cert: readFileSync(join(folder, "right/cert.pem")),
          },
          fakeEngine(docker),
        ),
        0,
      );
      const url = `tcp://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
      const env = { DOCKER_HOST: url, DOCKER_TLS_VERIFY: "1" };
      const { facts } = await connectEngine(
        testHost({ env: { ...env, DOCKER_CERT_PATH: join(folder, "right") } }),
      );
      expect(facts.address).toBe(url);
      await expect(
        connectEngine(testHost({ env: { ...env, DOCKER_CERT_PATH: join(folder, "wrong") } })),
      ).rejects.toMatchObject({ code: "ENGINE_UNREACHABLE", kind: "environment" });
      // docker context create --docker host=…,skip-tls-verify=true: TLS, as for the docker command, although there are no certificates.
      const context = join(folder, "contexts/meta", sha256("unverified"));
      mkdirSync(context, { recursive: true });
      const meta = { Endpoints: { docker: { Host: url, SkipTLSVerify: true } } };
      writeFileSync(join(context, "meta.json"), JSON.stringify(meta));
      const unverified = { DOCKER_CONFIG: folder, DOCKER_CONTEXT: "unverified" };
      expect((await connectEngine(testHost({ env: unverified }))).facts.tls).toMatchObject({
        skipVerify: true,
      });
    });
  });

  it("goes over ssh with the ssh program of the user", async () => {
    docker.asked.splice(0);
    await withTemporaryFolder("engine", async (folder) => {
      const socket = join(folder, "e.sock");
      await listening(createHttpServer(fakeEngine(docker)), socket);
      const ssh = join(folder, "ssh");
      writeFileSync(
        ssh,
        `#!${process.execPath}\nrequire("fs").appendFileSync(${JSON.stringify(join(folder, "argv"))}, process.argv.slice(2).join(" ") + "\\n");\nconst s = require("net").connect(${JSON.stringify(socket)}); process.stdin.pipe(s).pipe(process.stdout); s.on("close", () => process.exit(0));\n`,
      );
      chmodSync(ssh, 0o755);
      const { facts } = await connectEngine(
        testHost({
          env: { DOCKER_HOST: "ssh://me@far.example:2222", PATH: `${folder}:${process.env["PATH"] ?? ""}` },
        }),
      );
      expect(facts).toMatchObject({
        version: "9.9",
        publish: { bindTo: "0.0.0.0", reachedAt: "far.example" },
      });
      const calls = readFileSync(join(folder, "argv"), "utf8").trim().split("\n");
      expect(calls[0]).toBe("-l me -p 2222 -o ConnectTimeout=30 -T -- far.example docker system dial-stdio");
      // A connection costs a handshake each: those that have had their answer take the next request.
      expect(docker.asked.length).toBeGreaterThan(3);
      expect(calls.length).toBeLessThan(4);
      expect(sshArguments("ssh://far/run/user/1/podman.sock").join(" ")).toContain(
        "far docker --host unix:///run/user/1/podman.sock system dial-stdio",
      );
    });
  });

  it("replaces an idle ssh connection that ended", async () => {
    await withTemporaryFolder("engine", async (folder) => {
      const socket = join(folder, "e.sock");
      await listening(createHttpServer(fakeEngine(docker)), socket);
      const ended = join(folder, "ended");
      writeFileSync(
        join(folder, "ssh"),
        `#!${process.execPath}\nconst s = require("net").connect(${JSON.stringify(socket)}); process.stdin.pipe(s).pipe(process.stdout); s.on("data", () => setTimeout(() => { require("fs").appendFileSync(${JSON.stringify(ended)}, "x"); process.exit(255); }, 300));\n`,
        { mode: 0o755 },
      );
      const engine = await connectEngine(
        testHost({
          env: { DOCKER_HOST: "ssh://far.example", PATH: `${folder}:${process.env["PATH"] ?? ""}` },
        }),
      );
      await vi.waitFor(() => {
        expect(readFileSync(ended, "utf8")).toBe("xxx");
      });
      // That it ended is heard of a moment later than it is written.
      await vi.waitFor(async () => {
        expect(await engine.image("none")).toBeUndefined();
      });
    });
  });

  it("says what ssh said when that fails", async () => {
    await withTemporaryFolder("engine", async (folder) => {
      writeFileSync(
        join(folder, "ssh"),
        "#!/bin/sh\necho 'me@far: Permission denied (publickey).' >&2\nexit 255\n",
        { mode: 0o755 },
      );
      const refused = await connectEngine(
        testHost({ env: { DOCKER_HOST: "ssh://me@far", PATH: `${folder}:/bin` } }),
      ).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: "ENGINE_UNREACHABLE" });
      expect((refused as { log: readonly string[] }).log.join()).toContain("Permission denied (publickey)");
    });
  });

  it("says what was tried and what to do when no engine responds", async () => {
    const nobody = (await connectEngine(
      testHost({ env: { DOCKER_HOST: "unix:///nowhere/docker.sock" } }),
    ).catch((error: unknown) => error)) as Failure;
    expect(nobody).toMatchObject({ code: "ENGINE_UNREACHABLE", kind: "environment" });
    expect(nobody.log.join()).toContain("unix:///nowhere/docker.sock (DOCKER_HOST)");
    expect(nobody.hint).toContain("DOCKER_HOST");
    await expect(connectEngine(testHost({ env: { DOCKER_HOST: "fish://x" } }))).rejects.toThrow(
      "not an engine address",
    );
  });
});
