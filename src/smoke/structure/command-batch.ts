import { randomBytes } from "node:crypto";
import { quoted } from "../../support/quoted";

/** A program as a test wants it run: an argument vector and variables of its own. */
export interface Invocation {
  readonly argv: readonly string[];
  readonly env: readonly (readonly [string, string])[];
  readonly timeoutMs: number;
}

/** How a program ended. */
export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** Why it could not be started at all. */
  readonly cannotStart?: string;
}

/** A result of a batch; `strays`: it left processes or device files behind, so that what follows did not find things as built. */
export interface BatchRan extends Ran {
  readonly strays: boolean;
}

/** What marks the border between two tests' outputs; only its halves stand in the script. */
export interface Border {
  readonly left: string;
  readonly right: string;
}

export function newBorder(): Border {
  return { left: randomBytes(9).toString("hex"), right: randomBytes(9).toString("hex") };
}

function limitSeconds(invocation: Invocation): number {
  return Math.max(1, Math.ceil(invocation.timeoutMs / 1000));
}

/**
 * One shell script that runs several programs one after the other, each started directly (no builtin of the shell takes its place),
 * with nothing on stdin and a time limit. It writes no file: both streams are divided by borders instead. What is seen of devices,
 * volumes (an engine tells no changes there) and processes before and after tells strays; busybox's timeout itself stays for up to a second.
 */
export function commandBatch(
  invocations: readonly Invocation[],
  { left, right }: Border,
  volumes: readonly string[],
): string {
  const runs = invocations.map((one, index) => {
    const variables = one.env.map(([name, value]) => `export ${name}=${quoted(value)}; `).join("");
    const command = one.argv.map(quoted).join(" ");
    return `b=$(now); seen; was="$all"
( unset PWD OLDPWD SHLVL; ${variables}exec "$T" -s KILL ${String(limitSeconds(one))} ${command} ) </dev/null; c=$?
seen; s=0; [ "$was" = "$all" ] || s=1; border ${String(index)} $c $s $(( $(now) - b ))`;
  });
  return `T=$(command -v timeout) || exit 125
seen() { set -- /dev/* /dev/shm/*; all="$*${volumes.length === 0 ? "" : `$(ls -lanR --full-time ${volumes.map(quoted).join(" ")} 2>&1)`}"; for p in /proc/[0-9]*; do n=; read -r n <"$p/comm" && [ "$n" != timeout ] && all="$all $p"; done 2>/dev/null; }
now() { read -r up _ </proc/uptime; up="\${up%.*}\${up#*.}0"; echo "\${up#0}"; }
border() { printf '\\n%s%s %s\\n' ${left} ${right} "$*"; printf '\\n%s%s %s\\n' ${left} ${right} "$*" >&2; }
${runs.join("\n")}`;
}

interface Part {
  readonly text: string;
  readonly exitCode: number;
  readonly strays: boolean;
  readonly durationMs: number;
}

function partsOf(text: string, { left, right }: Border): ReadonlyMap<number, Part> {
  const parts = new Map<number, Part>();
  const border = new RegExp(`\\n${left}${right} (\\d+) (\\d+) ([01]) (-?\\d+)\\n`, "gu");
  let from = 0;
  for (const found of text.matchAll(border)) {
    const [whole, index, exitCode, strays, ms] = found;
    parts.set(Number(index), {
      text: text.slice(from, found.index),
      exitCode: Number(exitCode),
      strays: strays === "1",
      durationMs: Number(ms),
    });
    from = found.index + whole.length;
  }
  return parts;
}

/** The results in a batch's two streams, by index; undefined for a program whose border is missing. */
export function batchRan(
  stdout: string,
  stderr: string,
  border: Border,
  invocations: readonly Invocation[],
): readonly (BatchRan | undefined)[] {
  const [out, err] = [partsOf(stdout, border), partsOf(stderr, border)];
  return invocations.map((invocation, index) => {
    const one = out.get(index);
    const other = err.get(index);
    if (one === undefined || other === undefined) return undefined;
    const timedOut = one.exitCode === 137 && one.durationMs >= limitSeconds(invocation) * 1000 - 50;
    return {
      exitCode: one.exitCode,
      stdout: one.text,
      stderr: other.text,
      timedOut,
      durationMs: one.durationMs,
      strays: one.strays,
    };
  });
}
