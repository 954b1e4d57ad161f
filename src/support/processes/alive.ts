import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { sha256 } from "../text/digest";
import { hasErrno } from "../errors";

/** Identifies a process, so that another one can find out later whether it is still alive. */
export interface ProcessMark {
  /** A short digest of its process space. */
  readonly space: string;
  readonly pid: number;
  /** Its start time, because the kernel reuses numbers; "0" if unknown. */
  readonly started: string;
}

/** Whether a process with this number exists, whoever owns it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasErrno(error, "ESRCH");
  }
}

/**
 * The start time of a living process, in clock ticks since boot; "0" without /proc. Undefined if there is none with this number, or only a
 * zombie (ended, not yet waited for).
 */
export function startOf(pid: number): string | undefined {
  if (!isAlive(pid)) return undefined;
  try {
    // proc_pid_stat(5): the name in parentheses can contain anything; the state is field 3, the start time field 22.
    const text = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : (fields[19] ?? "0");
  } catch {
    return "0";
  }
}

/**
 * The space in which process numbers are unique: one boot of one kernel and, within it, one PID namespace (a container has its own). The
 * host name where the system reports neither.
 */
function processSpace(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

let own: ProcessMark | undefined;

export function thisProcess(): ProcessMark {
  return (own ??= {
    space: sha256(processSpace()).slice(0, 12),
    pid: process.pid,
    started: startOf(process.pid) ?? "0",
  });
}

/**
 * Whether a process is dead; its number may belong to another one now. Undefined for one of another machine or container: nobody here knows.
 * @param find looks the start time of a number's process up on this machine
 */
export function isDead({ space, pid, started }: ProcessMark, find = startOf): boolean | undefined {
  if (space !== thisProcess().space) return undefined;
  const found = find(pid);
  return found === undefined || (found !== started && found !== "0" && started !== "0");
}

/** The mark as part of file names and label values: letters, digits and hyphens. */
export function markText({ space, pid, started }: ProcessMark): string {
  return [space, String(pid), started].join("-");
}

const MARK = /(?:^|[-.])([0-9a-f]{12})-(\d+)-(\d+)(?=$|[-.])/u;

/** Whether a name or label carries the mark of a process that is certainly dead. */
export function isOfDead(text: string): boolean {
  const [, space, pid, started = "0"] = MARK.exec(text) ?? [];
  return space !== undefined && isDead({ space, pid: Number(pid), started }) === true;
}
