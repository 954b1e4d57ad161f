import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCertificates } from "../certificates";
import { checksOf, registryOfWorld, releaseOn, runOn, seenByDoctor } from "./engine-under-test";
import { mesaTemplate, temporaryRoot } from "../program";
import { startRemoteMachine, whyNoRemoteMachine, type RemoteMachine } from "./remote-machine";
import { startSshServer, whyNoSshServer, type SshServer } from "./ssh-server";

const why = whyNoRemoteMachine();
const because = (reason: string | undefined): string => (reason === undefined ? "" : ` (${reason})`);

describe.skipIf(why !== undefined)(`on an engine of another machine${because(why)}`, () => {
  const place = temporaryRoot();
  let machine: RemoteMachine;
  let overTls: Readonly<Record<string, string>>;
  const inWords = ["smoke", "0.20.0", "--root", place.root];

  beforeAll(async () => {
    machine = await startRemoteMachine(await registryOfWorld());
    overTls = {
      DOCKER_HOST: `tcp://${machine.address}:2376`,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: machine.certificates,
    };
  });
  afterAll(async () => {
    place.remove();
    await machine.stop();
  });

  it("a template is released over TLS as far as smoke, with every check", async () => {
    expect((await seenByDoctor({ env: overTls })).get("engine")).toMatch(
      /^Docker Engine \S+ at tcp:\/\/\S+:2376$/u,
    );
    await releaseOn(place.root, "alpine", { env: overTls });
  });

  it("the docker command's own context leads there", async () => {
    const folder = join(machine.folder, "docker-config");
    mkdirSync(folder);
    const tls = ["ca=ca.pem", "cert=cert.pem", "key=key.pem"].map((pair) =>
      pair.replace("=", `=${machine.certificates}/`),
    );
    const endpoint = [`host=tcp://${machine.address}:2376`, ...tls].join(",");
    const env = { DOCKER_CONFIG: folder };
    execFileSync("docker", ["context", "create", "far", "--docker", endpoint], {
      env: { ...process.env, ...env },
      stdio: "ignore",
    });
    expect((await seenByDoctor({ env: { ...env, DOCKER_CONTEXT: "far" } })).get("engine")).toMatch(
      /at tcp:\/\/\S+:2376$/u,
    );
  });

  it("an engine with a certificate of another authority is refused", async () => {
    const { client } = makeCertificates(join(machine.folder, "other"), machine.address);
    const ran = await mesaTemplate(inWords, { env: { ...overTls, DOCKER_CERT_PATH: client } });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain("No container engine answers");
    expect(ran.stderr).toMatch(/self.signed certificate|unable to verify|certificate signature failure/u);
  });

  const noSsh = why ?? whyNoSshServer();
  describe.skipIf(noSsh !== undefined)(`over ssh${because(noSsh)}`, () => {
    let ssh: SshServer;
    let overSsh: (bin: string) => Readonly<Record<string, string>>;
    beforeAll(async () => {
      ssh = await startSshServer(machine);
      overSsh = (bin) => ({
        PATH: `${bin}:${process.env["PATH"] ?? ""}`,
        DOCKER_HOST: `ssh://${ssh.authority}${machine.socket}`,
      });
    });

    it("a template is built and proven, with the ports at that machine's address", async () => {
      const env = overSsh(ssh.bin);
      expect((await seenByDoctor({ env })).get("engine")).toMatch(/^Docker Engine \S+ at ssh:\/\/root@/u);
      const built = await runOn(place.root, "alpine", { env }, ["build", "--force"]);
      expect(built.code, built.stdout).toBe(0);
      const smoked = await runOn(place.root, "alpine", { env }, ["smoke"]);
      expect(smoked.code, smoked.stdout).toBe(0);
      expect(new Set(checksOf(smoked).map(({ outcome }) => outcome))).toEqual(new Set(["passed"]));
    });

    it("a host that ssh does not know is not gone to, in ssh's own words", async () => {
      const ran = await mesaTemplate(inWords, { env: overSsh(ssh.binOfAStranger) });
      expect(ran.code).toBe(3);
      expect(ran.stderr).toMatch(/Host key verification failed/u);
    });
  });
});
