import { randomBytes } from "node:crypto";
import type { SandboxInstance } from "@blaxel/core";
import type { MountPlan } from "../../mesa/mount-plan";
import { mountScript, proofScript, until } from "../../mesa/mount-script";
import type { Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import { quoted } from "../../support/text/quoted";
import { mountFailure } from "./diagnose";
import { execScript } from "../commands/exec";

/** What is mounted where, and how. */
export interface Mounted {
  readonly plan: MountPlan;
  /** Path of the first repository. */
  readonly path: string;
  readonly write: boolean;
}

/** When a mount is proven: as the last part of mounting, or before or after a command. */
type ProofTime = "mounting" | "before" | "after";

/** Time limit for a proof, in seconds: a command may have written much; another one waits for the proof before it. */
const PROOF_WAIT_S = { mounting: 15, before: 8, after: 15 };

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

/** Proves the mount. @returns what is wrong with it, which a command may not notice while its writes are lost; or undefined */
export async function brokenMount(
  host: Host,
  sandbox: SandboxInstance,
  mounted: Mounted,
  when: ProofTime,
): Promise<Failure | undefined> {
  // Proofs of parallel commands are kept apart.
  const token = `${host.runId}-${randomBytes(3).toString("hex")}`;
  const { exitCode, output } = await execScript(host, sandbox, proof(mounted, token, PROOF_WAIT_S[when]));
  return exitCode === 0
    ? undefined
    : mountFailure(exitCode, host.redact(output), when === "mounting" ? "mount" : "run");
}

/** Mounts and proves it. @throws Failure MOUNT_… (exit 7) naming which of API, gRPC, FUSE and credential failed */
export async function mountAndProve(host: Host, sandbox: SandboxInstance, mounted: Mounted): Promise<void> {
  const { plan, path } = mounted;
  for (const secret of plan.secrets) host.redact.add(secret);
  const { exitCode, output } = await execScript(host, sandbox, mountScript(plan, path), plan.env);
  if (exitCode !== 0) throw mountFailure(exitCode, host.redact(output), "mount");
  host.signal.throwIfAborted();
  const failure = await brokenMount(host, sandbox, mounted, "mounting");
  if (failure !== undefined) throw failure;
}
