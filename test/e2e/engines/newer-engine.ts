import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answers, isRoot, whyNotInstalled } from "./podman-service";

/** Docker 26.1 with the containerd image store, beside the machine's own engine and apart from it. */
export interface NewerEngine {
  /** For DOCKER_HOST. */
  readonly address: string;
  stop(): Promise<void>;
}

const INSTALL_LIMIT_MS = 400_000;
const START_LIMIT_MS = 60_000;
const END_LIMIT_MS = 60_000;

/** A network that no other engine hands out by itself (Docker's pools begin at 172.17 and 192.168; RFC 1918). */
const [BRIDGE, GATEWAY, NETWORK] = ["mesa-test26", "10.226.126.1/24", "10.226.126.0/24"];

/**
 * Starts the daemon in a mount namespace of its own, which ends with it: nothing stays mounted. Its folder becomes the namespace's
 * root: with chroot alone, what is run in a container later would find itself in the machine's root (setns(2)).
 */
const START = `set -e
mount --bind "$1" "$1"
for part in proc sys dev; do mount --rbind "/$part" "$1/$part"; done
mount -t tmpfs none "$1/run"
mount -t tmpfs none "$1/tmp"
mkdir -p "$1/mnt" "$1/tmp/machine"
mount --bind "$2" "$1/mnt"
cp /etc/resolv.conf /etc/hosts "$1/etc/"
cd "$1"
pivot_root . tmp/machine
umount -l /tmp/machine
exec dockerd --config-file /mnt/daemon.json`;

/** Why Docker 26.1 cannot run here; undefined where it can. Installs its files the first time. */
export function whyNoNewerEngine(): string | undefined {
  if (!isRoot()) return "a second Docker engine needs root";
  const missing = whyNotInstalled(["mmdebstrap", "ip", "iptables"], ["mmdebstrap", "iproute2", "iptables"]);
  if (missing !== undefined) return missing;
  try {
    engineFiles();
    return undefined;
  } catch (error) {
    const { stderr } = error as { readonly stderr?: Buffer };
    return stderr?.toString("utf8").trim() ?? String(error);
  }
}

function engineFiles(): string {
  return execFileSync("scripts/ensure-newer-engine.sh", {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: INSTALL_LIMIT_MS,
  })
    .toString("utf8")
    .trim();
}

/** Starts the engine. `registry` is a plain-http registry (host:port) that it may pull from. */
export async function startNewerEngine(registry: string): Promise<NewerEngine> {
  const place = mkdtempSync(join(tmpdir(), "mesa-docker-"));
  for (const folder of ["data", "exec"]) mkdirSync(join(place, folder));
  writeFileSync(
    join(place, "daemon.json"),
    JSON.stringify({
      features: { "containerd-snapshotter": true },
      hosts: ["unix:///mnt/docker.sock"],
      "data-root": "/mnt/data",
      "exec-root": "/mnt/exec",
      pidfile: "/mnt/docker.pid",
      bridge: BRIDGE,
      iptables: false,
      "userland-proxy": true,
      "insecure-registries": [registry],
    }),
  );
  openNetwork();
  const script = ["sh", "-c", START, "sh", engineFiles(), place];
  const daemon = spawn("unshare", ["--mount", "--propagation", "private", ...script], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  daemon.stderr.on("data", (chunk: Buffer) => (log = (log + chunk.toString("utf8")).slice(-8_000)));
  const ended = new Promise<void>((done) => {
    daemon.once("exit", () => {
      done();
    });
  });
  const stop = async (): Promise<void> => {
    const limit = setTimeout(() => daemon.kill("SIGKILL"), END_LIMIT_MS);
    daemon.kill("SIGTERM");
    await ended;
    clearTimeout(limit);
    closeNetwork();
    rmSync(place, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  };
  const socket = join(place, "docker.sock");
  for (const until = Date.now() + START_LIMIT_MS; Date.now() < until && daemon.exitCode === null;) {
    if (await answers(socket)) return { address: `unix://${socket}`, stop };
    await new Promise((later) => setTimeout(later, 200));
  }
  await stop();
  throw new Error(`Docker 26.1 does not answer: ${log}`);
}

const RULES = [
  ["nat", "POSTROUTING", "-s", NETWORK, "!", "-o", BRIDGE, "-j", "MASQUERADE"],
  ["filter", "FORWARD", "-i", BRIDGE, "-j", "ACCEPT"],
  ["filter", "FORWARD", "-o", BRIDGE, "-j", "ACCEPT"],
] as const;

/** The engine sets no rules of its own: they would replace those of the machine's engine, whose chains have the same names. */
function openNetwork(): void {
  closeNetwork();
  execFileSync("ip", ["link", "add", BRIDGE, "type", "bridge"]);
  execFileSync("ip", ["addr", "add", GATEWAY, "dev", BRIDGE]);
  execFileSync("ip", ["link", "set", BRIDGE, "up"]);
  for (const [table, chain, ...rule] of RULES)
    execFileSync("iptables", ["-w", "-t", table, "-I", chain, ...rule]);
}

function closeNetwork(): void {
  for (const [table, chain, ...rule] of RULES)
    ignoreFailure("iptables", ["-w", "-t", table, "-D", chain, ...rule]);
  ignoreFailure("ip", ["link", "del", BRIDGE]);
}

/** What a run before took away, or never made, cannot be taken away again. */
function ignoreFailure(program: string, args: readonly string[]): void {
  try {
    execFileSync(program, args, { stdio: "ignore" });
  } catch {
    // Not there.
  }
}
