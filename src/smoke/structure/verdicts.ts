import type { ImageConfig } from "../../docker/index";
import type { CheckVerdict } from "../check";
import type { Ran } from "./command-batch";
import type { Entry } from "./files-at-rest";
import { goMode, isExecutableBy, lsMode } from "./go-mode";
import { matchAll, matches, regexHint } from "./regular-expressions";
import type { CommandTest, FileContentTest, FileExistenceTest, MetadataTest, Named } from "./structure-file";

/** A verdict with what had to be seen. */
export type Judged = CheckVerdict & { readonly expected?: string };

interface Fault {
  readonly expected: string;
  readonly seen: string;
  readonly hint?: string | undefined;
}

const SHOWN = 600;

function shown(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

/** Passed without faults; else the faults together. */
function judged(faults: readonly Fault[]): Judged {
  if (faults.length === 0) return { outcome: "passed" };
  const hint = faults.find((fault) => fault.hint !== undefined)?.hint;
  return {
    outcome: "failed",
    expected: shown(faults.map((fault) => fault.expected).join("; ")),
    seen: shown(faults.map((fault) => fault.seen).join("; ")),
    ...(hint === undefined ? {} : { hint }),
  };
}

export const invalidTest = (why: string): Judged => judged([{ expected: "a complete test", seen: why }]);

function textFaults(
  what: string,
  text: string,
  expected: readonly string[],
  excluded: readonly string[],
): readonly Fault[] {
  const match = matchAll(text, expected, excluded);
  const hint = regexHint(match, text);
  const seen = `${what}: ${JSON.stringify(shown(text))}`;
  return [
    ...match.missing.map((pattern) => ({ expected: `${what} to match ${pattern}`, seen, hint })),
    ...match.unwanted.map((pattern) => ({ expected: `${what} not to match ${pattern}`, seen, hint })),
    ...match.broken.map(({ pattern, why }) => ({
      expected: `${what} compared with ${pattern}`,
      seen: `not a regular expression: ${why}`,
      hint,
    })),
  ];
}

/** A `$1` or `$$` in a script is gone before the shell sees it; whoever wrote it meant the shell's. */
function eatenHint(test: CommandTest): string | undefined {
  const found = test.args
    .map((arg) => /\$(\{?[0-9@*#?$!-]\}?)/u.exec(arg)?.[0])
    .find((one) => one !== undefined);
  return found === undefined
    ? undefined
    : `${found} never reaches the shell: $… in command and args is replaced from the image's environment first, and the shell's own variables become empty.`;
}

export function judgeCommand(test: CommandTest, ran: Ran): Judged {
  if (ran.cannotStart !== undefined)
    return judged([
      {
        expected: `${test.command} to be run`,
        seen: ran.cannotStart,
        hint: "The program is not in the image, or cannot be executed. A test cannot expect that: no exit code makes it pass.",
      },
    ]);
  if (ran.timedOut)
    return judged([
      {
        expected: "an end",
        seen: `none after ${(ran.durationMs / 1000).toFixed(1)} s`,
        hint: "container-structure-test has no time limit; this runner has one (60 s), so that a release does not hang.",
      },
    ]);
  const faults = [
    ...textFaults("stdout", ran.stdout, test.expectedOutput, test.excludedOutput),
    ...textFaults("stderr", ran.stderr, test.expectedError, test.excludedError),
    ...(ran.exitCode === test.exitCode
      ? []
      : [
          {
            expected: `exit code ${String(test.exitCode)}`,
            seen: `exit code ${String(ran.exitCode)}, stdout ${JSON.stringify(shown(ran.stdout))}, stderr ${JSON.stringify(shown(ran.stderr))}`,
          },
        ]),
  ];
  const hint = eatenHint(test);
  return judged(faults.map((fault) => ({ ...fault, hint: hint ?? fault.hint })));
}

export function judgeExistence(test: FileExistenceTest, path: string, entry: Entry | undefined): Judged {
  if (entry === undefined)
    return test.shouldExist ? judged([{ expected: `${path} to exist`, seen: "it does not" }]) : judged([]);
  if (!test.shouldExist)
    return judged([{ expected: `${path} not to exist`, seen: `it does: ${goMode(entry.kind, entry.mode)}` }]);
  const mode = goMode(entry.kind, entry.mode);
  const executable = test.isExecutableBy === "" ? true : isExecutableBy(test.isExecutableBy, entry.mode);
  return judged([
    ...(test.permissions === "" || test.permissions === mode
      ? []
      : [
          {
            expected: `permissions ${test.permissions}`,
            seen: mode,
            hint:
              test.permissions ===
              lsMode(entry.kind === "directory" || entry.kind === "symlink" ? entry.kind : "file", entry.mode)
                ? `That is how ls writes it; these files use Go's notation: write ${mode}.`
                : undefined,
          },
        ]),
    ...(test.uid === -1 || test.uid === entry.uid
      ? []
      : [{ expected: `uid ${String(test.uid)}`, seen: `uid ${String(entry.uid)}` }]),
    ...(test.gid === -1 || test.gid === entry.gid
      ? []
      : [{ expected: `gid ${String(test.gid)}`, seen: `gid ${String(entry.gid)}` }]),
    ...(executable === true
      ? []
      : [
          {
            expected: `executable by ${test.isExecutableBy}`,
            seen: mode,
            hint:
              executable === undefined
                ? `isExecutableBy is owner, group, other or any, not "${test.isExecutableBy}".`
                : undefined,
          },
        ]),
  ]);
}

export function judgeContent(test: FileContentTest, data: Uint8Array | "directory" | undefined): Judged {
  if (data === undefined)
    return judged([
      {
        expected: `${test.path} to be read`,
        seen: "it does not exist",
        hint: test.path.includes("$")
          ? "Paths of content tests are taken as they are: $NAME is not replaced here."
          : undefined,
      },
    ]);
  if (data === "directory")
    return judged([{ expected: `${test.path} to be a file`, seen: "it is a directory" }]);
  return judged(
    textFaults(test.path, Buffer.from(data).toString("utf8"), test.expectedContents, test.excludedContents),
  );
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

function valueFaults(
  what: string,
  wanted: readonly Named[],
  found: ReadonlyMap<string, string>,
): readonly Fault[] {
  return wanted.flatMap(({ key, value, isRegex }): readonly Fault[] => {
    const is = found.get(key);
    const expected = `${what} ${key} ${isRegex ? "to match" : "to be"} ${value}`;
    if (is === undefined) return [{ expected, seen: `no ${what} ${key}` }];
    const fits = isRegex ? matches(is, value) : is === value;
    if (fits === true) return [];
    return [
      {
        expected,
        seen: `${what} ${key} is ${is}`,
        hint: fits === undefined ? "It is no RE2 expression." : undefined,
      },
    ];
  });
}

/** All fields of the metadata test at once: they are one result. */
export function judgeMetadata(
  test: MetadataTest,
  config: ImageConfig,
  labels: ReadonlyMap<string, string>,
  env: ReadonlyMap<string, string>,
): Judged {
  const ports = config.exposedPorts.map((port) => port.replace(/\/.*$/u, ""));
  const portHint = (port: string): string | undefined =>
    port.includes("/") ? `Ports are numbers alone here: write "${port.split("/", 1)[0] ?? ""}".` : undefined;
  const equal = (what: string, wanted: string, is: string): readonly Fault[] =>
    wanted === "" || wanted === is
      ? []
      : [{ expected: `${what} ${wanted}`, seen: is === "" ? `no ${what}` : `${what} ${is}` }];
  const equalLists = (
    what: string,
    wanted: readonly string[] | undefined,
    is: readonly string[],
  ): readonly Fault[] =>
    wanted === undefined || sameList(wanted, is)
      ? []
      : [{ expected: `${what} ${JSON.stringify(wanted)}`, seen: `${what} ${JSON.stringify(is)}` }];
  return judged([
    ...valueFaults("variable", test.envVars, env),
    ...valueFaults("label", test.labels, labels),
    ...test.unboundEnvVars
      .filter(({ key }) => env.has(key))
      .map(({ key }) => ({
        expected: `no variable ${key}`,
        seen: `variable ${key} is ${env.get(key) ?? ""}`,
      })),
    ...test.exposedPorts
      .filter((port) => !ports.includes(port))
      .map((port) => ({
        expected: `port ${port} exposed`,
        seen: `exposed: ${ports.join(", ") || "none"}`,
        hint: portHint(port),
      })),
    ...test.unexposedPorts
      .filter((port) => ports.includes(port))
      .map((port) => ({ expected: `port ${port} not exposed`, seen: "it is" })),
    ...test.volumes
      .filter((volume) => !config.volumes.includes(volume))
      .map((volume) => ({
        expected: `volume ${volume}`,
        seen: `volumes: ${config.volumes.join(", ") || "none"}`,
      })),
    ...test.unmountedVolumes
      .filter((volume) => config.volumes.includes(volume))
      .map((volume) => ({ expected: `no volume ${volume}`, seen: "there is" })),
    ...equalLists("entrypoint", test.entrypoint, config.entrypoint),
    ...equalLists("cmd", test.cmd, config.cmd),
    ...equal("workdir", test.workdir, config.workdir),
    ...equal("user", test.user, config.user),
  ]);
}

/** Why a test cannot be run as it stands; undefined when it can. */
export function missingParts(
  test: { readonly name: string } & Partial<CommandTest> & { readonly path?: string },
): string | undefined {
  if (test.name === "") return "it has no name";
  if (test.command === "") return "it has no command";
  if (test.path === "") return "it has no path";
  if ([...(test.setup ?? []), ...(test.teardown ?? [])].some((step) => step.length === 0))
    return "it has an empty setup or teardown command";
  return (test.envVars ?? []).some(({ key, value }) => key === "" || value === "")
    ? "a variable of it has no key or no value"
    : undefined;
}
