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

const KEPT_LINES = 40;

/**
 * Parses `--progress plain`: "#7 [deb 2/3] RUN …" begins a step, "#7 0.512 text" is its output, "#7 ERROR: …" its failure, and "ERROR:
 * failed to solve: …" the end (docker/buildx, util/progress; moby/buildkit, progressui).
 */
export function buildxProgress(onStep: (step: string) => void): BuildxProgress {
  const steps = new Map<string, string>();
  const outputs = new Map<string, string[]>();
  const everything: string[] = [];
  let failed: string | undefined;
  let message: string | undefined;
  const keep = (list: string[], line: string): void => {
    list.push(line);
    if (list.length > KEPT_LINES) list.shift();
  };
  return {
    take(line) {
      if (line.trim() === "") return;
      keep(everything, line);
      const [, number, rest = ""] = /^#(\d+) (.*)$/u.exec(line) ?? [];
      if (number === undefined) {
        const words = /^ERROR: (.+)$/u.exec(line)?.[1];
        if (words !== undefined) message = words;
        return;
      }
      if (rest.startsWith("[") && !steps.has(number)) {
        steps.set(number, rest);
        onStep(rest);
        return;
      }
      const error = /^ERROR: (.+)$/u.exec(rest)?.[1];
      if (error !== undefined) {
        failed ??= number;
        message ??= error;
        return;
      }
      const lineText = /^\d+\.\d+ (.*)$/u.exec(rest)?.[1];
      if (lineText === undefined) return;
      const own = outputs.get(number) ?? [];
      outputs.set(number, own);
      keep(own, lineText);
    },
    failure: () => ({
      step: steps.get(failed ?? ""),
      message,
      lines: outputs.get(failed ?? "") ?? everything,
    }),
  };
}
