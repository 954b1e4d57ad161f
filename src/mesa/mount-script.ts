import { quoted } from "../support/quoted";
import type { MountPlan } from "./mount-plan";

/** How long mesa may take to return, in seconds; it continues in the background. */
const MESA_WAIT_S = 15;
/** How long a mount may take to appear, in seconds. */
export const MOUNT_WAIT_S = 20;
/** How long a repository's path may take to appear in a mount, in seconds. One that hangs is given 5 s more. */
const REPO_WAIT_S = 5;

/** What FUSE says in the daemon's log when there will be no mount, however long one waits. */
const HOPELESS = "fuse: (device not found|failed)|fusermount3?: ";

/**
 * A loop that ends when `condition` holds, or runs `otherwise` once the clock (not a count: machines differ) says so, or when
 * `hopeless` holds.
 */
function until(condition: string, seconds: number, otherwise: string, hopeless = "false"): string {
  return `e=$(($(date +%s)+${String(seconds)})); until ${condition}; do if ${hopeless} || [ $(date +%s) -gt $e ]; then ${otherwise}; fi; sleep 0.1; done`;
}

/**
 * A shell script that mounts and waits until the mount is really there: in /proc/mounts and with the repository's path
 * visible. The exit code of mesa says nothing, and neither does ls on a dead mount.
 * Exit codes: 0 mounted · 41 mesa refused · 42 no mount appeared · 43 mounted, but the repository is not visible · 46 the
 * mount was there and is gone · 48 mesa did not come back
 * All waits together stay below the minute that a request through Blaxel's edge may take.
 * @param mesaWaitS how long mesa may take to come back, in seconds
 */
export function mountScript(plan: MountPlan, repoPath: string, mesaWaitS = MESA_WAIT_S): string {
  const wait = String(mesaWaitS);
  return [
    // timeout says 124, busybox's leaves it at what SIGTERM makes of a program: 143.
    `mesa() { timeout ${wait} mesa "$@"; }`,
    `{ ${plan.script}; } 2>&1 || case $? in 124|143) echo "mesa did not return within ${wait} s"; exit 48 ;; *) exit 41 ;; esac`,
    until(
      `grep -q " ${plan.mountPoint} fuse" /proc/mounts`,
      MOUNT_WAIT_S,
      `echo "no mount at ${plan.mountPoint} in /proc/mounts"; tail -n 20 ${plan.logFile} 2>/dev/null; exit 42`,
      `grep -qE '${HOPELESS}' ${plan.logFile} 2>/dev/null`,
    ),
    until(
      `timeout 5 test -d ${quoted(repoPath)}`,
      REPO_WAIT_S,
      `echo "${repoPath} is not there"; tail -n 20 ${plan.logFile} 2>/dev/null; grep -q " ${plan.mountPoint} fuse" /proc/mounts || exit 46; exit 43`,
    ),
    ...plan.leftovers.map((path) => `rm -f ${quoted(path)}`),
  ].join("\n");
}

/**
 * A shell script that proves the mount: a file written through it is read back and removed.
 * Exit codes: 0 proven · 44 cannot be written · 45 other contents come back · 46 the mount is gone
 */
export function proofScript(plan: MountPlan, repoPath: string, token: string): string {
  const file = quoted(`${repoPath}/smoke-${token}.txt`);
  return `grep -q " ${plan.mountPoint} fuse" /proc/mounts || { echo "the mount is gone"; exit 46; }
echo ${quoted(token)} > ${file} || { tail -n 5 ${plan.logFile} 2>/dev/null; exit 44; }
[ "$(cat ${file})" = ${quoted(token)} ] || exit 45
grep -q " ${plan.mountPoint} fuse" /proc/mounts || { echo "the mount is gone"; exit 46; }
rm -f ${file}`;
}

/** How long the daemon may take to send what it still has, in seconds. */
const FLUSH_WAIT_S = 10;

/**
 * A shell script that flushes and takes the mount away; done when it is gone from /proc/mounts and both its daemon, which may
 * still send what it holds, and the daemon's fusermount3 have ended. With auto_unmount (Mesa 0.20 and later) fusermount3 outlives the daemon and
 * then unmounts whatever is mounted at that path: it would take the next mount away.
 * Exit code 47: it had to be torn off, and the daemon killed.
 */
export function unmountScript(plan: MountPlan): string {
  const { mountPoint } = plan;
  const gone = `[ -z "$(daemons)" ]`;
  const torn = `fusermount3 -uz ${mountPoint} || umount -l ${mountPoint}; for p in $(daemons); do kill -9 $p; done; ${until(gone, 2, "break")}`;
  return `daemons() { for p in /proc/[0-9]*; do read -r c < $p/comm && case $c in
mesa*) tr '\\0' '\\n' < $p/environ | grep -qxF 'MESA_MOUNT_POINT=${mountPoint}' && echo \${p#/proc/} ;;
fusermount*) tr '\\0' '\\n' < $p/cmdline | grep -qxF '${mountPoint}' && echo \${p#/proc/} ;;
esac; done; } 2>/dev/null
timeout 20 sync; { fusermount3 -u ${mountPoint} || umount ${mountPoint}; } 2>/dev/null
${until(`! grep -q " ${mountPoint} fuse" /proc/mounts && ${gone}`, FLUSH_WAIT_S, `{ ${torn}; } 2>/dev/null; exit 47`)}
${plan.leftovers.map((path) => `rm -f ${quoted(path)}`).join("\n")}`;
}
