import type { SandboxInstance } from "@blaxel/core";
import { Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import { outputLines } from "../../support/text/output-lines";
import { quoted } from "../../support/text/quoted";
import { execScript } from "./exec";

/** A user of the sandbox other than root. */
export interface SandboxUser {
  readonly name: string;
  readonly uid: string;
  readonly gid: string;
  readonly home: string;
  /** The program that changes the user: util-linux setpriv or busybox su. Both become the command, so that it receives signals. */
  readonly by: "setpriv" | "su";
}

/** Checks a user's name. @throws Failure SANDBOX_USER (exit 2) */
export function checkUserName(name: string): void {
  if (/^[a-z_][a-z0-9_-]{0,31}$/u.test(name) && name !== "root") return;
  throw new Failure({
    code: "SANDBOX_USER",
    kind: "usage",
    message: name === "root" ? "--user is root." : `"${name}" is not a user name.`,
    hint: "Name a user other than root; without --user, commands run as the image's own user.",
  });
}

/**
 * Prepares the user as root: creates it if missing, and grants it access to FUSE. Prints "UID GID HOME HOW"; nothing if the sandbox already
 * runs as that user. Exit codes: 3 the sandbox runs as another user · 4 the user is root
 */
function prepareUserScript(name: string): string {
  return `set -e; u=${name}
if [ "$(id -u)" != 0 ]; then [ "$(id -un)" = $u ] || { id -un; exit 3; }; exit 0; fi
if ! id $u >/dev/null 2>&1; then
  n=1000; while grep -q "^[^:]*:[^:]*:$n:" /etc/passwd /etc/group; do n=$((n+1)); done
  echo "$u:x:$n:" >> /etc/group; echo "$u:x:$n:$n::/home/$u:/bin/sh" >> /etc/passwd
fi
[ "$(id -u $u)" != 0 ] || exit 4
h=$(grep "^$u:" /etc/passwd | cut -d: -f6)
[ -d "$h" ] || { mkdir -p "$h"; chown "$(id -u $u):$(id -g $u)" "$h"; }
[ ! -c /dev/fuse ] || chmod 666 /dev/fuse
[ ! -f /etc/fuse.conf ] || grep -qx user_allow_other /etc/fuse.conf || printf '\\nuser_allow_other\\n' >> /etc/fuse.conf
if setpriv --reuid=$u --regid=$u --init-groups true 2>/dev/null; then by=setpriv; else by=su; fi
echo "$(id -u $u) $(id -g $u) $h $by"`;
}

/** The shell command that runs another one as that user, in the same process. Sets HOME to the user's, unless the command sets it. */
export function commandAs(
  { name, uid, gid, home, by }: SandboxUser,
  command: string,
  env: Readonly<Record<string, string>>,
): string {
  const change =
    by === "setpriv"
      ? `setpriv --reuid=${uid} --regid=${gid} --init-groups sh -c ${quoted(command)}`
      : `su -p -s /bin/sh ${name} -c ${quoted(command)}`;
  return `exec env HOME=${quoted(env["HOME"] ?? home)} USER=${name} LOGNAME=${name} ${change}`;
}

/**
 * The same sandbox with commands run as that user. Changes nothing if its API already runs as that user.
 * @throws Failure SANDBOX_USER (exit 7) if the image does not allow that user
 */
export async function asUser(host: Host, sandbox: SandboxInstance, name: string): Promise<SandboxInstance> {
  const { exitCode, output } = await execScript(host, sandbox, prepareUserScript(name));
  if (exitCode !== 0) {
    const why =
      exitCode === 3
        ? `the image runs as ${output.trim()}, which cannot become another user`
        : exitCode === 4
          ? `${name} is root there`
          : `it could not be prepared (exit code ${String(exitCode)})`;
    throw new Failure({
      code: "SANDBOX_USER",
      kind: "deploy",
      message: `Commands cannot run as ${name} in this sandbox: ${why}.`,
      log: exitCode === 3 ? [] : outputLines(output),
      hint: "Omit --user to run as the image's own user, or let the image start as root.",
    });
  }
  const [uid, gid, home, by] = output.trim().split(" ");
  if (uid === undefined || gid === undefined || home === undefined) return sandbox;
  const user: SandboxUser = { name, uid, gid, home, by: by === "setpriv" ? "setpriv" : "su" };
  const exec: SandboxInstance["process"]["exec"] = (request) =>
    sandbox.process.exec({ ...request, command: commandAs(user, request.command, request.env ?? {}) });
  const commands = Object.create(sandbox.process, { exec: { value: exec } }) as SandboxInstance["process"];
  return Object.create(sandbox, { process: { value: commands } }) as SandboxInstance;
}
