/**
 * Texts that Go's yaml.v2 takes for true and false where a boolean is wanted (YAML 1.1). Written in quotes they are texts, and other
 * mixtures of small and capital letters are texts as well.
 */
const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"].map(
    (word) => [word, true] as const,
  ),
  ...["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"].map(
    (word) => [word, false] as const,
  ),
]);

/** What yaml.v2 reads as a boolean; undefined: it is none. */
export function yamlFlag(written: string): boolean | undefined {
  return FLAGS.get(written);
}

const WHOLE: readonly (readonly [RegExp, number])[] = [
  [/^([-+]?)0[xX]([0-9a-fA-F]+)$/u, 16],
  [/^([-+]?)0[bB]([01]+)$/u, 2],
  [/^([-+]?)0[oO]?([0-7]+)$/u, 8],
  [/^([-+]?)(0|[1-9][0-9]*)$/u, 10],
];
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/u;

/**
 * What yaml.v2 reads where a whole number is wanted (its resolve.go and decode.go): 010 is octal, 0x and 0b are known, _ may stand
 * between digits, and of a number with a point its whole part is taken. Undefined: it is no number.
 */
export function yamlWhole(written: string): number | undefined {
  const digits = written.replaceAll("_", "");
  for (const [form, base] of WHOLE) {
    const [, sign, figures] = form.exec(digits) ?? [];
    if (figures !== undefined) return Number.parseInt(figures, base) * (sign === "-" ? -1 : 1);
  }
  return FLOAT.test(digits) ? Math.trunc(Number(digits)) : undefined;
}
