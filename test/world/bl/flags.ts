/** Flags of a command: true takes a value, false does not. Short names by letter. */
export interface FlagTable {
  readonly [name: string]: { readonly value: boolean; readonly short?: string };
}

const GLOBAL_FLAGS: FlagTable = {
  output: { value: true, short: "o" },
  workspace: { value: true, short: "w" },
  verbose: { value: false, short: "v" },
  utc: { value: false, short: "u" },
  "skip-version-warning": { value: false },
  help: { value: false, short: "h" },
};

export const DEPLOY_FLAGS: FlagTable = {
  name: { value: true, short: "n" },
  dryrun: { value: false },
  recursive: { value: false, short: "r" },
  directory: { value: true, short: "d" },
  "env-file": { value: true, short: "e" },
  secrets: { value: true, short: "s" },
  "skip-build": { value: false },
  type: { value: true, short: "t" },
  yes: { value: false, short: "y" },
  experimental: { value: false },
  "registry-cred": { value: true, short: "c" },
  "docker-config": { value: true },
  timeout: { value: true },
  "build-env-file": { value: true },
};

export const PUSH_FLAGS: FlagTable = {
  name: { value: true, short: "n" },
  directory: { value: true, short: "d" },
  type: { value: true, short: "t" },
  yes: { value: false, short: "y" },
  "registry-cred": { value: true, short: "c" },
  "docker-config": { value: true },
  timeout: { value: true },
  "build-env-file": { value: true },
  "skip-build": { value: false },
};

export interface Parsed {
  readonly flags: Readonly<Record<string, readonly string[]>>;
  readonly rest: readonly string[];
  readonly error?: string;
}

/** Parses as cobra does: --flag value, --flag=value, -f value; an unknown flag is an error. */
export function parseFlags(argv: readonly string[], table: FlagTable): Parsed {
  const known: FlagTable = { ...GLOBAL_FLAGS, ...table };
  const flags: Record<string, string[]> = {};
  const rest: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    if (!word.startsWith("-") || word === "-") {
      rest.push(word);
      continue;
    }
    const long = word.startsWith("--");
    const [given, inline] = long
      ? splitOnce(word.slice(2))
      : [word.slice(1, 2), word.length > 2 ? word.slice(2) : undefined];
    const name = long ? given : Object.keys(known).find((key) => known[key]?.short === given);
    const flag = name === undefined ? undefined : known[name];
    if (name === undefined || flag === undefined) {
      return {
        flags,
        rest,
        error: long ? `unknown flag: --${given}` : `unknown shorthand flag: '${given}' in ${word}`,
      };
    }
    const value = flag.value ? (inline ?? argv[(index += 1)]) : (inline ?? "true");
    if (value === undefined) return { flags, rest, error: `flag needs an argument: ${word}` };
    (flags[name] ??= []).push(value);
  }
  return { flags, rest };
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf("=");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
