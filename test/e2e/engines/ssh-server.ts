import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { RemoteMachine } from "./remote-machine";

const PORT = 2222;
/** Unpacked, not installed: the package would start a server on this machine. */
const UNPACKED = resolve(import.meta.dirname, "../../../.test-work/sshd");

/** A real OpenSSH server on the remote machine. */
export interface SshServer {
  /** [user@]host:port for an ssh:// address. */
  readonly authority: string;
  /** A folder with an `ssh` for PATH: the real one, with a configuration that has this server's key and the user's. */
  readonly bin: string;
  /** Another such folder, whose `ssh` knows no host. */
  readonly binOfAStranger: string;
}

/** Why there can be no ssh server; undefined where there can. Where it is missing it is fetched as a package of Debian. */
export function whyNoSshServer(): string | undefined {
  if (!existsSync("/usr/bin/ssh")) return "without ssh";
  if (existsSync("/usr/sbin/sshd") || existsSync(join(UNPACKED, "usr/sbin/sshd"))) return undefined;
  const fetch = "apt-get download -qq openssh-server libwrap0";
  try {
    mkdirSync(UNPACKED, { recursive: true });
    execFileSync(
      "sh",
      [
        "-c",
        `{ ${fetch} || { apt-get update -qq; ${fetch}; }; } && for f in *.deb; do dpkg-deb -x $f .; done`,
      ],
      { cwd: UNPACKED, stdio: "ignore", timeout: 120_000 },
    );
    return undefined;
  } catch (error) {
    return `sshd could not be fetched: ${String(error)}`;
  }
}

function program(): { readonly sshd: string; readonly libraries: string } {
  const installed = existsSync("/usr/sbin/sshd");
  const folder = installed ? "/" : UNPACKED;
  const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  return { sshd: join(folder, "usr/sbin/sshd"), libraries: join(folder, "usr/lib", triplet) };
}

/** Starts sshd on the machine, for root with a key of the test's own. This machine's accounts and keys stay as they are. */
export async function startSshServer(machine: RemoteMachine): Promise<SshServer> {
  const folder = join(machine.folder, "ssh");
  mkdirSync(folder);
  const at = (name: string): string => join(folder, name);
  for (const name of ["host", "user"])
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", at(name)]);
  cpSync(at("user.pub"), at("authorized"));
  cpSync("/etc", at("etc"), { recursive: true, verbatimSymlinks: true });
  writeFileSync(at("etc/passwd"), withPrivilegeSeparation(readFileSync("/etc/passwd", "utf8")));
  writeFileSync(
    at("sshd_config"),
    `ListenAddress ${machine.address}:${String(PORT)}
HostKey ${at("host")}
AuthorizedKeysFile ${at("authorized")}
PermitRootLogin prohibit-password
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
`,
  );
  const { sshd, libraries } = program();
  // Its user and its folder exist in its own view of the file system alone. All of /etc: a useradd elsewhere replaces /etc/passwd, and
  // what is mounted over a replaced file is gone.
  const start = `mount --bind ${at("etc")} /etc && mount -t tmpfs none /run && mkdir /run/sshd && exec ${sshd} -D -e -f ${at("sshd_config")}`;
  await machine.run("unshare", ["--mount", "sh", "-c", start], {
    env: { LD_LIBRARY_PATH: libraries },
    ready: /Server listening/u,
  });
  const [kind = "", key = ""] = readFileSync(at("host.pub"), "utf8").split(" ");
  writeFileSync(at("known"), `[${machine.address}]:${String(PORT)} ${kind} ${key}\n`);
  writeFileSync(at("nobody-known"), "");
  return {
    authority: `root@${machine.address}:${String(PORT)}`,
    bin: sshWith(folder, "known"),
    binOfAStranger: sshWith(folder, "nobody-known"),
  };
}

function withPrivilegeSeparation(passwd: string): string {
  return /^sshd:/mu.test(passwd) ? passwd : `${passwd}sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n`;
}

function sshWith(folder: string, knownHosts: string): string {
  const bin = join(folder, `bin-${knownHosts}`);
  mkdirSync(bin);
  const config = join(bin, "config");
  writeFileSync(
    config,
    `IdentityFile ${join(folder, "user")}
IdentitiesOnly yes
UserKnownHostsFile ${join(folder, knownHosts)}
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
BatchMode yes
`,
  );
  writeFileSync(join(bin, "ssh"), `#!/bin/sh\nexec /usr/bin/ssh -F ${config} "$@"\n`);
  chmodSync(join(bin, "ssh"), 0o755);
  return bin;
}
