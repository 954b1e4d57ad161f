import { stepLog } from "../docker/index";

/** The content of buildx's plain progress, parsed line by line. */
export interface BuildxProgress {
  take(line: string): void;
  /** The failed step if one is named, buildx's own message, and the last lines of that step, else of the whole output. */
  failure(): {
    readonly step: string | undefined;
    readonly message: string | undefined;
    readonly lines: readonly string[];
  };
}

/**
 * Parses `--progress plain`: "#7 [deb 2/3] RUN …" begins a step, "#7 0.512 text" is its output, "#7 ERROR: …" its failure, and "ERROR:
 * failed to solve: …" the end (docker/buildx, util/progress; moby/buildkit, progressui).
 */
export function buildxProgress(onStep: (step: string) => void): BuildxProgress {
  const log = stepLog();
  const steps = new Map<string, string>();
  let failed: string | undefined;
  let message: string | undefined;
  return {
    take(line) {
      if (line.trim() === "") return;
      const [, number = "", rest = line] = /^#(\d+) (.*)$/u.exec(line) ?? [];
      const [, output] = /^\d+\.\d+ (.*)$/u.exec(rest) ?? [];
      const [, error] = /^ERROR: (.+)$/u.exec(rest) ?? [];
      if (number !== "" && output !== undefined) log.take(number, `${output}\n`);
      else log.take("", `${line}\n`);
      if (error !== undefined) {
        message = number === "" ? error : (message ?? error);
        if (number !== "") failed ??= number;
      } else if (number !== "" && rest.startsWith("[") && !steps.has(number)) {
        steps.set(number, rest);
        onStep(rest);
      }
    },
    failure: () => ({ step: steps.get(failed ?? ""), message, lines: log.last(failed) }),
  };
}
