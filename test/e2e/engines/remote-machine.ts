import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificates } from "../certificates";
import { isOnPath } from "../on-path";

/**
 * Another machine with a Docker engine, as far as one machine can have one: a network of its own on the engine's bridge, where a
 * second dockerd listens with TLS. What it publishes is not on this machine's loopback, and what listens there it does not see.
 */
export interface RemoteMachine {
  /** Its address on the network. */
  readonly address: string;
  /** A folder with ca.pem, cert.pem and key.pem, for who may use the engine. */
  readonly certificates: string;
  /** The engine's socket on that machine. */
  readonly socket: string;
  /** A folder for what the tests need besides; it goes with the machine. */
  readonly folder: string;
  /** Starts a program on that machine; it ends with the machine. */
  run(command: string, args: readonly string[], options: Started): Promise<void>;
  stop(): Promise<void>;
}

interface Started {
  readonly env?: Readonly<Record<string, string>>;
  /** What the program says on stderr once it is ready. */
  readonly ready: RegExp;
}

const START_LIMIT_MS = 30_000;
const NEEDED = ["dockerd", "docker", "ip", "nsenter", "openssl"];

/** Why no such machine can be made here; undefined where it can. */
export function whyNoRemoteMachine(): string | undefined {
  if (process.getuid?.() !== 0) return "only root makes networks";
  const missing = NEEDED.filter((program) => !isOnPath(program));
  if (missing.length > 0) return `without ${missing.join(", ")}`;
  if ((process.env["DOCKER_HOST"] ?? "") !== "") return "the tests' own engine is elsewhere (DOCKER_HOST)";
  return existsSync("/sys/class/net/docker0") ? undefined : "without the network docker0 of a local engine";
}

/** An address at the end of docker0's network, from which the engine hands out the first ones; and docker0's own. */
function addressOnBridge(): { readonly address: string; readonly bits: number; readonly gateway: string } {
  const [shown] = JSON.parse(
    execFileSync("ip", ["-4", "-json", "address", "show", "docker0"], { encoding: "utf8" }),
  ) as readonly { readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[] }[];
  const own = shown?.addr_info[0];
  if (own === undefined) throw new Error("docker0 has no address");
  const size = 2 ** (32 - own.prefixlen);
  const number = own.local.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const chosen = Math.floor(number / size) * size + size - 2 - (process.pid % 50);
  const address = [24, 16, 8, 0].map((shift) => Math.floor(chosen / 2 ** shift) % 256).join(".");
  return { address, bits: own.prefixlen, gateway: own.local };
}

/** Ends once the process has said it is ready; throws with its last words when it ends before, or says nothing in time. */
function untilReady(child: ChildProcess, name: string, ready: RegExp): Promise<void> {
  return new Promise((done, fail) => {
    let said = "";
    const limit = setTimeout(() => {
      fail(new Error(`${name} is not ready: ${said.slice(-2000)}`));
    }, START_LIMIT_MS);
    child.stderr?.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString("utf8")).slice(-10_000);
      if (!ready.test(said)) return;
      clearTimeout(limit);
      done();
    });
    child.once("error", fail);
    child.once("close", (code) => {
      clearTimeout(limit);
      fail(new Error(`${name} ended with ${String(code)}: ${said.slice(-2000)}`));
    });
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) =>
    child.once("close", () => {
      done();
    }),
  );
}

/** Makes the machine and starts its engine. `registry` (host:port on 127.0.0.1) is reached there under the same name. */
export async function startRemoteMachine(registry: string): Promise<RemoteMachine> {
  const folder = mkdtempSync(join(tmpdir(), "mesa-template-remote-"));
  const { address, bits, gateway } = addressOnBridge();
  const name = `mtr${String(process.pid)}`;
  const ip = (...args: readonly string[]): void => {
    execFileSync("ip", [...args], { stdio: ["ignore", "ignore", "pipe"] });
  };
  const running: ChildProcess[] = [];
  const run: RemoteMachine["run"] = async (command, args, { env, ready }) => {
    const child = spawn("nsenter", [`--net=/run/netns/${name}`, command, ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    running.push(child);
    await untilReady(child, command, ready);
  };
  const stop = async (): Promise<void> => {
    for (const child of running.reverse()) {
      child.kill("SIGTERM");
      await ended(child);
    }
    ip("netns", "delete", name);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    ip("netns", "add", name);
    ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name);
    ip("link", "set", name, "master", "docker0", "up");
    ip("-n", name, "address", "add", `${address}/${String(bits)}`, "dev", "eth0");
    ip("-n", name, "link", "set", "eth0", "up");
    ip("-n", name, "link", "set", "lo", "up");
    ip("-n", name, "route", "add", "default", "via", gateway);
    await forward(run, registry, gateway);
    const certificates = makeCertificates(join(folder, "certificates"), address);
    const socket = join(folder, "docker.sock");
    const config = join(folder, "daemon.json");
    writeFileSync(config, "{}");
    await run(
      "dockerd",
      [
        ...["--config-file", config, "--pidfile", join(folder, "dockerd.pid")],
        ...["--data-root", join(folder, "data"), "--exec-root", join(folder, "run")],
        ...["--host", `unix://${socket}`, "--host", `tcp://${address}:2376`, "--bip", "10.213.8.1/24"],
        ...["--tlsverify", "--tlscacert", certificates.ca],
        ...["--tlscert", certificates.serverCertificate, "--tlskey", certificates.serverKey],
      ],
      { ready: /API listen on .*:2376/u },
    );
    return { address, certificates: certificates.client, socket, folder, run, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The registry listens on this machine's loopback and on the bridge's gateway; there it is to be at its own loopback too. */
async function forward(run: RemoteMachine["run"], registry: string, gateway: string): Promise<void> {
  const port = registry.replace(/^.*:/u, "");
  const script = `
    const { connect, createServer } = require("node:net");
    createServer((from) => {
      const to = connect(${port}, "${gateway}");
      from.pipe(to).pipe(from);
      from.on("error", () => to.destroy());
      to.on("error", () => from.destroy());
    }).listen(${port}, "127.0.0.1", () => console.error("forwarding"));`;
  await run(process.execPath, ["-e", script], { ready: /forwarding/u });
}
