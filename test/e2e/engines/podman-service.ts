import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isOnPath } from "../on-path";

/** A Podman service of a test's own, with storage of its own. */
export interface Podman {
  /** For DOCKER_HOST. */
  readonly address: string;
  stop(): Promise<void>;
}

/** Where a service keeps all that it has, and the environment in which Podman finds that. */
export interface PodmanPlace {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

/** How a service is started and ended; what it needs to tidy up stands beside it. */
export interface PodmanLaunch {
  readonly place: PodmanPlace;
  /** Goes before the command. */
  readonly under?: readonly string[];
  /** Makes the process end. */
  readonly end: (service: ChildProcess) => void;
  /** After its end, and also when it did not start. */
  readonly tidyUp: () => void;
}

const START_LIMIT_MS = 20_000;
const END_LIMIT_MS = 20_000;

export const isRoot = (): boolean => process.getuid?.() === 0;

/** Why these programs are not here; undefined where they are. As root on a system with apt the packages are installed (the distribution's own). */
export function whyNotInstalled(
  programs: readonly string[],
  packages: readonly string[],
): string | undefined {
  const missing = programs.filter((program) => !isOnPath(program));
  if (missing.length === 0) return undefined;
  if (!isRoot() || !isOnPath("apt-get"))
    return `there is no ${missing.join(", no ")}, and nothing can be installed here`;
  const install = `apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends ${packages.join(" ")}`;
  try {
    execFileSync("sh", ["-c", `${install} || { apt-get update -qq; ${install}; }`], {
      stdio: "ignore",
      timeout: 120_000,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    return undefined;
  } catch (error) {
    return `${missing.join(", ")} could not be installed: ${String(error)}`;
  }
}

/** A folder for a service as on a machine without systemd. `registry` is a plain-http registry (host:port) that it may pull from. */
export function podmanPlace(registry: string): PodmanPlace {
  // Podman refuses a runroot of more than 50 characters, and where only its monitors do, every wait for a container's end takes 20 s.
  const folder = mkdtempSync(join(tmpdir(), "mesa-podman-"));
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  mkdirSync(join(folder, "run"));
  return {
    folder,
    env: {
      ...process.env,
      CONTAINERS_CONF: write(
        "containers.conf",
        // Without limits of its own it asks for more than a machine may give, and no container starts.
        '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n',
      ),
      CONTAINERS_STORAGE_CONF: write(
        "storage.conf",
        `[storage]\ndriver = "overlay"\ngraphroot = "${folder}/graph"\nrootless_storage_path = "${folder}/graph"\nrunroot = "${folder}/run"\n`,
      ),
      CONTAINERS_REGISTRIES_CONF: write(
        "registries.conf",
        `unqualified-search-registries = []\n[[registry]]\nlocation = "${registry}"\ninsecure = true\n`,
      ),
    },
  };
}

/**
 * Ends what a service left running: a monitor of a container stays for minutes, for whoever may still ask (Podman 4,
 * exec_exit_command_delay). All of it names the service's own folder.
 */
export function endProcessesOf({ folder }: PodmanPlace): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/u.test(name))) {
    const isOurs = ["environ", "cmdline"].some((file) => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, "latin1").includes(folder);
      } catch {
        // Ended meanwhile, or somebody else's.
        return false;
      }
    });
    if (!isOurs || Number(pid) === process.pid) continue;
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // Ended meanwhile.
    }
  }
}

/** Removes a service's containers and processes: only what is in its own storage; a reset would reach what others of this machine share. */
export function endContainersOf(place: PodmanPlace): void {
  try {
    execFileSync("podman", ["rm", "--all", "--force"], { env: place.env, stdio: "ignore", timeout: 60_000 });
  } finally {
    endProcessesOf(place);
  }
}

export function removePlace({ folder }: PodmanPlace): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

export function answers(socketPath: string): Promise<boolean> {
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

export interface StartedPodman extends Podman {
  readonly service: ChildProcess;
}

/** Starts Podman's Docker-compatible service, and waits until it answers. */
export async function startService({ place, under = [], end, tidyUp }: PodmanLaunch): Promise<StartedPodman> {
  const socket = join(place.folder, "podman.sock");
  const [program = "", ...args] = [
    ...under,
    ...["podman", "system", "service", "--time=0", `unix://${socket}`],
  ];
  const service = spawn(program, args, {
    env: place.env,
    // One that its user may enter.
    cwd: place.folder,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let said = "";
  service.stderr.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
  service.stdout.resume();
  // What is written to one that has ended is lost, as it should be.
  service.stdin.on("error", () => undefined);
  const ended = new Promise<void>((done) =>
    // Not until its streams are closed: what it started holds them open.
    service.once("exit", () => {
      done();
    }),
  );
  const stop = async (): Promise<void> => {
    const limit = setTimeout(() => service.kill("SIGKILL"), END_LIMIT_MS);
    end(service);
    await ended;
    clearTimeout(limit);
    tidyUp();
  };
  for (const until = Date.now() + START_LIMIT_MS; Date.now() < until;) {
    if (existsSync(socket) && (await answers(socket))) return { address: `unix://${socket}`, service, stop };
    await new Promise((later) => setTimeout(later, 100));
  }
  await stop();
  throw new Error(`podman does not answer: ${said}`);
}
