import { execFileSync } from "node:child_process";
import { accessSync, chmodSync, constants, existsSync, mkdirSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import {
  endContainersOf,
  endProcessesOf,
  isRoot,
  podmanPlace,
  removePlace,
  startService,
  whyNotInstalled,
  type Podman,
  type PodmanPlace,
} from "./podman-service";

/** A service of a plain user's. */
export interface RootlessPodman extends Podman {
  /** Opens the service's /dev/fuse to everybody, or to root alone. Not there where the device is everybody's, and not ours to shut. */
  readonly openFuse?: (toEverybody: boolean) => Promise<void>;
}

const PROGRAMS = ["podman", "/usr/bin/catatonit", "newuidmap", "slirp4netns"];
const PACKAGES = ["podman", "catatonit", "uidmap", "slirp4netns"];

/** The user that is made where tests run as root. */
const USER = "mesa-template-test";

/** Processes, mounts and devices of its own: the kernel ends and takes away all of it with the first process. */
const OF_ITS_OWN = [
  ...["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"],
  ...["catatonit", "--"],
];

/**
 * Starts a command as a user, who finds /dev/fuse and /dev/net/tun open to everybody, as udev makes them and a machine without it
 * does not. Lives until its input ends; each line of it is a mode for /dev/fuse. The devices' numbers are the kernel's
 * (Documentation/admin-guide/devices.txt).
 */
const AS_USER = `set -e
mount -t tmpfs -o mode=755 devices "$1"
mknod -m 666 "$1/fuse" c 10 229
mknod -m 666 "$1/tun" c 10 200
mount --bind "$1/fuse" /dev/fuse
mount --bind "$1/tun" /dev/net/tun
devices=$1 user=$2
shift 2
setpriv --reuid "$user" --regid "$user" --clear-groups -- "$@" >/dev/null </dev/null &
while read -r mode; do chmod "$mode" "$devices/fuse" && echo "$mode"; done`;

/** What a command says when it fails; undefined when it does not. */
function complaint(program: string, args: readonly string[]): string | undefined {
  try {
    execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"], timeout: 10_000 });
    return undefined;
  } catch (error) {
    const { stderr } = error as { readonly stderr?: Buffer };
    return stderr?.toString("utf8").trim() ?? String(error);
  }
}

/** Why no Podman can run here as a plain user: as one made for it where this is root, as oneself elsewhere. Undefined where it can. */
export function whyNoRootlessPodman(): string | undefined {
  const why = whyNotInstalled(PROGRAMS, PACKAGES);
  if (why !== undefined) return why;
  return isRoot() ? whyNotAsAnother() : whyNotAsOneself();
}

function whyNotAsAnother(): string | undefined {
  for (const device of ["/dev/fuse", "/dev/net/tun"]) if (!existsSync(device)) return `there is no ${device}`;
  const kept = complaint("unshare", [...OF_ITS_OWN.slice(1), "true"]);
  if (kept !== undefined) return `no namespaces can be made here: ${kept}`;
  const nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
  const refused = complaint("setpriv", [...nobody, "unshare", "--user", "true"]);
  return refused === undefined ? undefined : `the kernel gives a plain user no namespace: ${refused}`;
}

function whyNotAsOneself(): string | undefined {
  const { username, uid } = userInfo();
  const owners = ["/etc/subuid", "/etc/subgid"].map((path) => lines(path).map((line) => line.split(":")[0]));
  if (!owners.every((names) => names.includes(username) || names.includes(String(uid))))
    return `${username} has no subordinate ids in /etc/subuid and /etc/subgid`;
  if (!isOpen("/dev/net/tun"))
    return "/dev/net/tun is not open to this user, and no container gets a network";
  const refused = complaint("unshare", ["--user", "true"]);
  return refused === undefined ? undefined : `the kernel gives a plain user no namespace: ${refused}`;
}

function lines(path: string): readonly string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
}

function isOpen(device: string): boolean {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether containers of the service can mount with /dev/fuse. */
export const fuseIsThere = (): boolean => isRoot() || isOpen("/dev/fuse");

/** Starts a service that runs as a plain user. `registry` is a plain-http registry (host:port) that it may pull from. */
export function startRootlessPodman(registry: string): Promise<RootlessPodman> {
  const place = withHome(podmanPlace(registry));
  return isRoot() ? startAsAnother(place) : startAsOneself(place);
}

/** The place with a home and a folder for what runs: nothing of the user's own is read or written. */
function withHome({ folder, env }: PodmanPlace): PodmanPlace {
  chmodSync(join(folder, "run"), 0o700);
  const below = (name: string): string => {
    mkdirSync(join(folder, name), { mode: 0o700 });
    return join(folder, name);
  };
  return {
    folder,
    env: {
      ...env,
      HOME: below("home"),
      TMPDIR: below("tmp"),
      XDG_RUNTIME_DIR: join(folder, "run"),
      XDG_CONFIG_HOME: undefined,
      XDG_DATA_HOME: undefined,
      XDG_CACHE_HOME: undefined,
      DBUS_SESSION_BUS_ADDRESS: undefined,
    },
  };
}

async function startAsAnother(place: PodmanPlace): Promise<RootlessPodman> {
  const { folder } = place;
  if (complaint("id", [USER]) !== undefined)
    execFileSync("useradd", ["--no-create-home", "--shell", "/usr/sbin/nologin", USER], { timeout: 10_000 });
  execFileSync("chown", ["--recursive", `${USER}:`, folder]);
  const devices = join(folder, "dev");
  mkdirSync(devices);
  const { service, ...podman } = await startService({
    place,
    under: [...OF_ITS_OWN, "sh", "-c", AS_USER, "sh", devices, USER],
    end: ({ stdin }) => stdin?.end(),
    tidyUp: () => {
      removePlace(place);
      // Another run beside this one may use it; that one removes it.
      complaint("userdel", [USER]);
    },
  });
  return {
    ...podman,
    openFuse: (toEverybody) =>
      new Promise((done) => {
        service.stdout?.once("data", () => {
          done();
        });
        service.stdin?.write(toEverybody ? "666\n" : "600\n");
      }),
  };
}

function startAsOneself(place: PodmanPlace): Promise<RootlessPodman> {
  return startService({
    place,
    end: (service) => service.kill("SIGTERM"),
    tidyUp: () => {
      endContainersOf(place);
      // Most of it belongs to the user's other ids: only in the user's namespace it can be removed. There Podman has mounted a part of it.
      const graph = join(place.folder, "graph");
      const remove = ["unshare", "sh", "-c", 'umount -l "$1/overlay"; rm -rf "$1"', "sh", graph];
      execFileSync("podman", remove, { env: place.env, stdio: "ignore", timeout: 60_000 });
      endProcessesOf(place);
      removePlace(place);
    },
  });
}
