import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { sha256 } from "../text/digest";
import { hasErrno } from "../errors";

/** Whether a process with this number exists, whoever owns it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasErrno(error, "ESRCH");
  }
}

/** What this machine knows of a process. */
export interface FoundProcess {
  readonly alive: boolean;
  /** Start time in clock ticks since boot; undefined without /proc. The kernel reuses numbers, so the start time identifies the process. */
  readonly started?: string;
}

/** Looks a process up by its number. A zombie (ended, not yet waited for) is not alive. */
export function findProcess(pid: number): FoundProcess {
  if (!isAlive(pid)) return { alive: false };
  try {
    // proc_pid_stat(5): the name in parentheses can contain anything; the state is field 3, the start time field 22.
    const text = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return { alive: false };
    const started = fields[19];
    return { alive: true, ...(started === undefined ? {} : { started }) };
  } catch {
    return { alive: true };
  }
}

/**
 * Whether the process that had this number is dead: the number may belong to another one now.
 * @param startedThen its start time; undefined: unknown
 */
export function hasDied({ alive, started }: FoundProcess, startedThen: string | undefined): boolean {
  return !alive || (started !== undefined && startedThen !== undefined && started !== startedThen);
}

/**
 * The space in which process numbers are unique: one boot of one kernel and, within it, one PID namespace (a container has its own). The
 * host name where the system reports neither.
 */
export function processSpace(): string {
  return (ownSpace ??= askedSpace());
}

let ownSpace: string | undefined;

function askedSpace(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

/** Identifies a process, so that another one can find out later whether it is still alive. */
export interface ProcessMark {
  /** A short digest of its process space. */
  readonly space: string;
  readonly pid: number;
  /** As in FoundProcess; "0" if unknown. */
  readonly started: string;
}

let own: ProcessMark | undefined;

export function thisProcess(): ProcessMark {
  return (own ??= {
    space: sha256(processSpace()).slice(0, 12),
    pid: process.pid,
    started: findProcess(process.pid).started ?? "0",
  });
}

/** The mark as part of file names and label values: letters, digits and hyphens. */
export function markText({ space, pid, started }: ProcessMark): string {
  return [space, String(pid), started].join("-");
}

const MARK = /(?:^|[-.])([0-9a-f]{12})-(\d+)-(\d+)(?=$|[-.])/u;

/** Whether a name or label carries the mark of a process that is certainly dead. For another machine or container that is never certain. */
export function isOfDead(text: string): boolean {
  const [, space, pid, marked] = MARK.exec(text) ?? [];
  if (space === undefined || space !== thisProcess().space) return false;
  return hasDied(findProcess(Number(pid)), marked === "0" ? undefined : marked);
}
