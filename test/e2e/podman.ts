import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A Podman service of a test's own, with storage of its own. */
export interface Podman {
  /** For DOCKER_HOST. */
  readonly address: string;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 20_000;

function has(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Why there is no Podman here; undefined where there is one. As root on a system with apt it is installed (Debian's package). */
export function whyNoPodman(): string | undefined {
  if (has("podman") && has("/usr/bin/catatonit"))
    return process.getuid?.() === 0 ? undefined : "podman is there, but this is not root";
  if (process.getuid?.() !== 0 || !has("apt-get"))
    return "there is no podman, and it cannot be installed here";
  const install = "apt-get install -y -qq --no-install-recommends podman catatonit";
  try {
    execFileSync("sh", ["-c", `${install} || { apt-get update -qq; ${install}; }`], {
      stdio: "ignore",
      timeout: 120_000,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    return undefined;
  } catch (error) {
    return `podman could not be installed: ${String(error)}`;
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((done) => {
    const asked = request({ socketPath, path: "/_ping", timeout: 1000 }, (answer) => {
      answer.resume();
      done(answer.statusCode === 200);
    });
    asked.on("error", () => {
      done(false);
    });
    asked.end();
  });
}

/** Starts Podman's Docker-compatible service as on a machine without systemd. `registry` is a plain-http registry (host:port) that it may pull from. */
export async function startPodman(registry: string): Promise<Podman> {
  const folder = mkdtempSync(join(tmpdir(), "mesa-template-podman-"));
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  mkdirSync(join(folder, "run"));
  const env = {
    ...process.env,
    CONTAINERS_CONF: write(
      "containers.conf",
      // Without limits of its own it asks for more than a machine may give, and no container starts.
      '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n',
    ),
    CONTAINERS_STORAGE_CONF: write(
      "storage.conf",
      `[storage]\ndriver = "overlay"\ngraphroot = "${folder}/graph"\nrunroot = "${folder}/run"\n`,
    ),
    CONTAINERS_REGISTRIES_CONF: write(
      "registries.conf",
      `unqualified-search-registries = []\n[[registry]]\nlocation = "${registry}"\ninsecure = true\n`,
    ),
  };
  const socket = join(folder, "podman.sock");
  const service = spawn("podman", ["system", "service", "--time=0", `unix://${socket}`], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  service.stderr.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
  const ended = new Promise<void>((done) =>
    service.once("close", () => {
      done();
    }),
  );
  const stop = async (): Promise<void> => {
    service.kill("SIGTERM");
    await ended;
    // Only what is in this service's own storage; a reset would reach what others of this machine share.
    execFileSync("podman", ["rm", "--all", "--force"], { env, stdio: "ignore", timeout: 60_000 });
    rmSync(folder, { recursive: true, force: true });
  };
  for (const until = Date.now() + START_LIMIT_MS; Date.now() < until;) {
    if (existsSync(socket) && (await answers(socket))) return { address: `unix://${socket}`, stop };
    await new Promise((later) => setTimeout(later, 100));
  }
  await stop();
  throw new Error(`podman does not answer: ${said}`);
}
