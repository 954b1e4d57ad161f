import type { SandboxInstance } from "@blaxel/core";
import type { MountPlan } from "../mesa/mount-plan";
import { mountScript, proofScript } from "../mesa/mount-script";
import type { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { quoted } from "../support/quoted";
import { mountFailure, type Phase } from "./diagnose";
import { execScript } from "./exec";

/** What is mounted where, and how. */
export interface Mounted {
  readonly plan: MountPlan;
  /** Path of the first repository. */
  readonly path: string;
  readonly write: boolean;
}

/** Limit of checking the mount, in seconds. */
const PROOF_WAIT_S = 15;

/**
 * Proves the mount: writes and reads back if writable, else reads; prints the daemon's last messages on failure. Exit code 49: the mount
 * hangs, because its connections are dead.
 */
function proof({ plan, path, write }: Mounted, token: string): string {
  const readOnlyProof = `grep -q " ${plan.mountPoint} fuse" /proc/mounts || exit 46
timeout 10 ls '${path}' >/dev/null || { grep -q " ${plan.mountPoint} fuse" /proc/mounts || exit 46; exit 43; }`;
  const script = write ? proofScript(plan, path, token) : readOnlyProof;
  // On time-out, GNU timeout exits with 124; busybox's with 143, from SIGTERM.
  return `timeout ${String(PROOF_WAIT_S)} sh -c ${quoted(script)}; c=$?; case $c in 124|143) c=49 ;; esac; [ $c = 0 ] || tail -n 20 ${plan.logFile} 2>/dev/null; exit $c`;
}

async function prove(
  host: Host,
  sandbox: SandboxInstance,
  mounted: Mounted,
  phase: Phase,
  count: number,
): Promise<Failure | undefined> {
  const proven = await execScript(sandbox, proof(mounted, `${host.runId}-${String(count)}`));
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
 * Whether the mount still works after a command. A broken mount may have lost writes, and the command may not notice.
 * @param count number of this check: parallel commands need separate proofs
 * @returns what broke it, or undefined
 */
export async function brokenMount(
  host: Host,
  sandbox: SandboxInstance,
  mounted: Mounted,
  count: number,
): Promise<Failure | undefined> {
  return prove(host, sandbox, mounted, "run", count);
}
