import { quoted } from "../support/text/quoted";
import type { MountPlan } from "./mount-plan";

/** How long mesa may take to return, in seconds; it continues in the background. */
const MESA_WAIT_S = 15;
/** How long a mount may take to appear, in seconds. */
const MOUNT_WAIT_S = 20;
/** How long a repository's path may take to appear in a mount, in seconds; 5 s more if it hangs. */
const REPO_WAIT_S = 5;

/** Messages of FUSE in the daemon's log after which no mount will appear. */
const HOPELESS = "fuse: (device not found|failed)|fusermount3?: ";

/**
 * A loop that ends when `condition` holds. Runs `otherwise` after `seconds` by the clock (counts differ between machines), or when
 * `hopeless` holds.
 */
export function until(condition: string, seconds: number, otherwise: string, hopeless = "false"): string {
  return `e=$(($(date +%s)+${String(seconds)})); until ${condition}; do if ${hopeless} || [ $(date +%s) -gt $e ]; then ${otherwise}; fi; sleep 0.1; done`;
}

/**
 * A shell script that mounts and waits until the mount is real: in /proc/mounts, and the repository's path visible. mesa's exit code proves
 * nothing, and neither does ls on a dead mount. Exit codes: 0 mounted · 41 mesa refused · 42 no mount appeared · 43 mounted, but the
 * repository is not visible · 46 the mount disappeared · 48 mesa did not return. All waits together stay below the minute that a request
 * through Blaxel's edge may take.
 * @param mesaWaitS how long mesa may take to return, in seconds
 */
export function mountScript(plan: MountPlan, repoPath: string, mesaWaitS = MESA_WAIT_S): string {
  const wait = String(mesaWaitS);
  return [
    // On time-out, GNU timeout exits with 124; busybox's with 143, from SIGTERM.
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
 * A shell script that proves the mount: writes a file, reads it back and removes it. Exit codes: 0 proven · 44 not writable · 45 other
 * content came back · 46 the mount disappeared
 */
export function proofScript(plan: MountPlan, repoPath: string, token: string): string {
  const file = quoted(`${repoPath}/smoke-${token}.txt`);
  return `grep -q " ${plan.mountPoint} fuse" /proc/mounts || { echo "the mount is gone"; exit 46; }
echo ${quoted(token)} > ${file} || { tail -n 5 ${plan.logFile} 2>/dev/null; exit 44; }
[ "$(cat ${file})" = ${quoted(token)} ] || exit 45
grep -q " ${plan.mountPoint} fuse" /proc/mounts || { echo "the mount is gone"; exit 46; }
rm -f ${file}`;
}

/** How long the daemon may take to send buffered data, in seconds. One that no longer works is unlikely to send it. */
const FLUSH_WAIT_S = { works: 10, broken: 4 };

/**
 * A shell script that flushes and unmounts. Done when the mount has left /proc/mounts, and both the daemon, which may still be sending, and
 * its fusermount3 have ended. With auto_unmount (Mesa 0.20 and later) fusermount3 outlives the daemon and then unmounts whatever is at that
 * path, even a new mount. Exit code 47: forced unmount, and the daemon killed.
 */
export function unmountScript(plan: MountPlan, state: "works" | "broken" = "works"): string {
  const { mountPoint } = plan;
  const gone = `[ -z "$(daemons)" ]`;
  // Killing the daemon releases every process that waits for the mount, perhaps an unmount.
  const torn = `for p in $(daemons); do kill -9 $p; done; fusermount3 -uz ${mountPoint} || umount -l ${mountPoint}; ${until(gone, 2, "break")}`;
  const flush = state === "works" ? "timeout 20 sync" : "for p in $(daemons); do kill $p; done";
  // Repeated, because a process that works there makes it fail.
  const unmounted = state === "works" ? `{ fusermount3 -u ${mountPoint} || umount ${mountPoint}; }` : "false";
  return `daemons() { for p in /proc/[0-9]*; do read -r c < $p/comm && case $c in
mesa*) tr '\\0' '\\n' < $p/environ | grep -qxF 'MESA_MOUNT_POINT=${mountPoint}' && echo \${p#/proc/} ;;
fusermount*) tr '\\0' '\\n' < $p/cmdline | grep -qxF '${mountPoint}' && echo \${p#/proc/} ;;
esac; done; } 2>/dev/null
{ ${flush}; } 2>/dev/null
${until(`{ ! grep -q " ${mountPoint} fuse" /proc/mounts || ${unmounted} 2>/dev/null; } && ${gone}`, FLUSH_WAIT_S[state], `{ ${torn}; } 2>/dev/null; exit 47`)}
${plan.leftovers.map((path) => `rm -f ${quoted(path)}`).join("\n")}`;
}
