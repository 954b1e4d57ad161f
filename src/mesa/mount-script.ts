import type { MountPlan } from "./mount-plan";

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** How long a mount may take to appear, in seconds. */
export const MOUNT_WAIT_S = 20;

/**
 * A shell script that mounts and waits until the mount is really there: in /proc/mounts and with the repository's path
 * visible. The exit code of mesa says nothing, and neither does ls on a dead mount.
 * Exit codes: 0 mounted · 41 mesa refused · 42 no mount appeared · 43 mounted, but the repository is not visible
 */
export function mountScript(plan: MountPlan, repoPath: string): string {
  return [
    `{ ${plan.script}; } 2>&1 || exit 41`,
    `i=0; until grep -q " ${plan.mountPoint} fuse" /proc/mounts; do i=$((i+1)); [ $i -lt ${String(MOUNT_WAIT_S * 10)} ] || { echo "no mount at ${plan.mountPoint} in /proc/mounts"; tail -n 20 ${plan.logFile} 2>/dev/null; exit 42; }; sleep 0.1; done`,
    `i=0; until timeout 5 test -d ${quoted(repoPath)}; do i=$((i+1)); [ $i -lt 10 ] || { echo "${repoPath} is not there"; tail -n 20 ${plan.logFile} 2>/dev/null; exit 43; }; sleep 0.2; done`,
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

/** A shell script that flushes and takes the mount away; done when it is gone from /proc/mounts. */
export function unmountScript(plan: MountPlan): string {
  return `sync; { fusermount3 -u ${plan.mountPoint} || umount ${plan.mountPoint}; } 2>/dev/null
i=0; while grep -q " ${plan.mountPoint} fuse" /proc/mounts; do i=$((i+1)); [ $i -lt 30 ] || { fusermount3 -uz ${plan.mountPoint} 2>/dev/null || umount -l ${plan.mountPoint}; exit 47; }; sleep 0.1; done
${plan.leftovers.map((path) => `rm -f ${quoted(path)}`).join("\n")}`;
}
