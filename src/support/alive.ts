import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { sha256 } from "./digest";
import { hasErrno } from "./errors";

/** Whether a process of this machine is there, whoever's it is. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasErrno(error, "ESRCH");
  }
}

/** What this machine knows of a process by its number. */
export interface FoundProcess {
  readonly alive: boolean;
  /** When it started, in clock ticks since boot; undefined where the system does not say (no /proc). Numbers are used again, start times are not. */
  readonly started?: string;
}

/** Looks a process up. One that ended and was not waited for yet (a zombie) is not alive. */
export function findProcess(pid: number): FoundProcess {
  if (!isAlive(pid)) return { alive: false };
  try {
    // proc_pid_stat(5): the name in parentheses may hold anything; the state is field 3, the start time field 22.
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
 * Whether a process is dead, by what is found under its number now: numbers are used again.
 * @param startedThen undefined: not known
 */
export function hasDied({ alive, started }: FoundProcess, startedThen: string | undefined): boolean {
  return !alive || (started !== undefined && startedThen !== undefined && started !== startedThen);
}

/**
 * What process numbers mean something in: one boot of one kernel, and there one namespace of processes (a container has its own). The
 * host's name where the system tells neither.
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

/** A process so named that another one can tell later whether it still lives. */
export interface ProcessMark {
  /** A short digest of its process space. */
  readonly space: string;
  readonly pid: number;
  /** As in FoundProcess; "0" where the system does not say. */
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

/** A mark as names of files and values of labels carry it: letters, digits and hyphens. */
export function markText({ space, pid, started }: ProcessMark): string {
  return [space, String(pid), started].join("-");
}

const MARK = /(?:^|[-.])([0-9a-f]{12})-(\d+)-(\d+)(?=$|[-.])/u;

/** Whether a name or a label carries the mark of a process that is dead for certain. One of another machine or container never is. */
export function isOfDead(text: string): boolean {
  const [, space, pid, marked] = MARK.exec(text) ?? [];
  if (space === undefined || space !== thisProcess().space) return false;
  return hasDied(findProcess(Number(pid)), marked === "0" ? undefined : marked);
}
