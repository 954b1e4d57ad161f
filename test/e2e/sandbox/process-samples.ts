import { readdirSync, readFileSync } from "node:fs";

/** A process that ran below another one: its arguments and its environment, as every user of the machine with its rights reads them. */
export interface SampledProcess {
  readonly command: string;
  readonly environment: string;
}

const INTERVAL_MS = 10;

/** Looks, every few ms, at what runs below a process. */
export function sampleProcesses(): { of(pid: number): void; end(): readonly SampledProcess[] } {
  const seen = new Map<string, SampledProcess>();
  let timer: NodeJS.Timeout | undefined;
  return {
    of(root) {
      timer ??= setInterval(() => {
        // Between fork and exec a process still shows its parent's arguments and environment.
        const own = textOf(root, "cmdline");
        for (const pid of below(root)) {
          const sample = { command: textOf(pid, "cmdline"), environment: textOf(pid, "environ") };
          if (sample.command !== "" && sample.command !== own)
            seen.set(`${String(pid)} ${sample.command}`, sample);
        }
      }, INTERVAL_MS);
    },
    end() {
      clearInterval(timer);
      return [...seen.values()];
    },
  };
}

/** The processes below one, without itself. */
function below(root: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc"))
    if (/^\d+$/u.test(name)) {
      const [, parent] = /\) \S (\d+) /u.exec(textOf(Number(name), "stat")) ?? [];
      parents.set(Number(name), Number(parent));
    }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === root || isBelow(parent));
  };
  return [...parents.keys()].filter(isBelow);
}

/** "" where the process has ended. */
function textOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${String(pid)}/${file}`, "utf8");
  } catch {
    return "";
  }
}
