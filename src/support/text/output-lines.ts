/** The lines of a program's output that say something; of many only the last `count`. */
export function outputLines(output: string, count = Infinity): readonly string[] {
  return output
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-count);
}
