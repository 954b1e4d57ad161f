import type { SandboxInstance } from "@blaxel/core";
import type { MountPlan } from "../../mesa/mount-plan";
import { mountScript, proofScript, until } from "../../mesa/mount-script";
import type { Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import { quoted } from "../../support/text/quoted";
import { mountFailure, type Phase } from "./diagnose";
import { execScript } from "../commands/exec";

/** What is mounted where, and how. */
export interface Mounted {
  readonly plan: MountPlan;
  /** Path of the first repository. */
  readonly path: string;
  readonly write: boolean;
}

/** Time limit for checking the mount, in seconds: after a command, which may have written much, and before one, which waits for it. */
const PROOF_WAIT_S = { after: 15, before: 8 };

/**
 * Proves the mount: writes and reads back if writable, else reads; prints the daemon's last messages on failure.
 * A process that reads a mount with dead connections may wait forever, and no signal ends it: it is left behind, with exit code 49.
 */
function proof({ plan, path, write }: Mounted, token: string, seconds: number): string {
  const readOnlyProof = `grep -q " ${plan.mountPoint} fuse" /proc/mounts || exit 46
timeout 10 ls '${path}' >/dev/null || { grep -q " ${plan.mountPoint} fuse" /proc/mounts || exit 46; exit 43; }`;
  const script = write ? proofScript(plan, path, token) : readOnlyProof;
  return `o=/tmp/mesa-proof-${token}; ( sh -c ${quoted(script)} > $o 2>&1; echo $? > $o.code ) > /dev/null 2>&1 & p=$!
${until("[ -s $o.code ]", seconds, "break")}
c=49; if [ -s $o.code ]; then read -r c < $o.code; else kill -9 $p; fi
cat $o; rm -f $o $o.code; [ $c = 0 ] || tail -n 20 ${plan.logFile} 2>/dev/null; exit $c`;
}

async function prove(
  host: Host,
  sandbox: SandboxInstance,
  mounted: Mounted,
  phase: Phase,
  count: number,
  seconds = PROOF_WAIT_S.after,
): Promise<Failure | undefined> {
  const proven = await execScript(sandbox, proof(mounted, `${host.runId}-${String(count)}`, seconds));
  return proven.exitCode === 0 ? undefined : mountFailure(proven.exitCode, host.redact(proven.output), phase);
}

/** Mounts and proves it. @throws Failure MOUNT_… (exit 7) naming which of API, gRPC, FUSE and credential failed */
export async function mountAndProve(host: Host, sandbox: SandboxInstance, mounted: Mounted): Promise<void> {
  const { plan, path } = mounted;
  for (const secret of plan.secrets) host.redact.add(secret);
  const result = await execScript(sandbox, mountScript(plan, path), plan.env);
  if (result.exitCode !== 0) throw mountFailure(result.exitCode, host.redact(result.output), "mount");
  host.signal.throwIfAborted();
  const failure = await prove(host, sandbox, mounted, "mount", 0);
  if (failure !== undefined) throw failure;
}

/**
 * Checks the mount before or after a command, which may not notice that its mount broke and its writes were lost.
 * @param count number of this check; keeps the proofs of parallel commands apart
 * @returns what broke the mount, or undefined
 */
export async function brokenMount(
  host: Host,
  sandbox: SandboxInstance,
  mounted: Mounted,
  count: number,
  when: "before" | "after",
): Promise<Failure | undefined> {
  return prove(host, sandbox, mounted, "run", count, PROOF_WAIT_S[when]);
}
