import * as z from "zod/mini";
import { engineVariables, PLATFORM, type Engine, type EngineFacts } from "../docker/index";
import { Failure } from "../support/errors";
import { readIfPresent } from "../support/files/files";
import type { Host } from "../support/host";
import { othersEnvironment, runOther } from "../support/processes/other-program";
import type { ProcessResult } from "../support/processes/run-process";
import { outputLines } from "../support/text/output-lines";
import { missingTestFile } from "./checks-digest";
import { reportFrom, shown, type CheckResult, type SmokeReport } from "./report";

/** The program for these files (github.com/GoogleContainerTools/container-structure-test). */
const PROGRAM = "container-structure-test";
const PROGRAM_VARIABLE = "CONTAINER_STRUCTURE_TEST";

const HOW_TO_INSTALL = `Install it (pip install ${PROGRAM}, or a release from github.com/GoogleContainerTools/${PROGRAM}), or set ${PROGRAM_VARIABLE} to its path.`;

/** Time limit for all tests of a file, in ms; the program has none. */
const FILE_LIMIT_MS = 900_000;
/** Time limit for checking a file without an engine, in ms. */
const VALIDATION_LIMIT_MS = 30_000;
/** Limit of a report, which contains all output of all commands, in bytes. */
const REPORT_BYTES = 64 * 1024 * 1024;

/** `--output json` (pkg/types/unversioned/types.go: SummaryObject, TestResult; durations in ns). */
const REPORT = z.object({
  Total: z.number(),
  Results: z.nullish(
    z.array(
      z.object({
        Name: z.string(),
        Pass: z.boolean(),
        Stdout: z.nullish(z.string()),
        Stderr: z.nullish(z.string()),
        Errors: z.nullish(z.array(z.string())),
        Duration: z.nullish(z.number()),
      }),
    ),
  ),
});

type Report = z.infer<typeof REPORT>;
type TestResult = NonNullable<Report["Results"]>[number];

/** First words of its message about an unreadable file (cmd/container-structure-test/app/cmd/test.go). */
const REFUSAL = "error parsing config file: ";

/** The version of the installed program. @throws Failure NO_STRUCTURE_TEST (exit 3) that explains how to install it */
export async function structureTestProgram(host: Host): Promise<string> {
  const { version, why = "" } = await runVersion(host);
  if (version !== undefined) return `${nameOf(host)}, ${version}`;
  throw new Failure({ code: "NO_STRUCTURE_TEST", kind: "environment", message: why, hint: HOW_TO_INSTALL });
}

/** The program's version, or why it cannot be run. */
async function runVersion(host: Host): Promise<{ readonly version?: string; readonly why?: string }> {
  const ran = await runProgram(host, ["version"], VALIDATION_LIMIT_MS);
  if (ran.exitCode === 0) return { version: ran.stdout.trim() };
  if (ran.spawnError !== undefined) return { why: whyMissing(host) };
  return { why: `${nameOf(host)} version ${ran.timedOut ? "does not end" : `fails (${endOf(ran)})`}` };
}

function endOf({ exitCode, signal }: ProcessResult): string {
  return `exit ${String(exitCode ?? signal)}`;
}

/** Name of the one check that stands for a file whose tests were not run to their end. */
function checkOf(path: string): string {
  return `the tests of ${path}`;
}

/**
 * Checks container-structure-test files before anything is built, because a broken file is wrong usage. Without the program, checks only
 * that they exist.
 * @throws Failure STRUCTURE_TESTS_MISSING, STRUCTURE_TESTS_INVALID (exit 2)
 */
export async function validateStructureTests(host: Host, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if ((await readIfPresent(path)) === undefined) throw missingTestFile("structureTests", path);
    // The program cannot only validate a file. Without an engine every test fails and nothing runs.
    const args = testArguments("none", path);
    const ran = await runProgram(host, args, VALIDATION_LIMIT_MS, { DOCKER_HOST: "unix:///nowhere" });
    if (ran.spawnError === undefined) reportIn(ran, path);
  }
}

/**
 * Runs test files against a local image, each file by the program itself.
 * @returns a result per test, in the program's order; a skipped one for each file that cannot run here
 * @throws Failure STRUCTURE_TESTS_INVALID (exit 2) with the program's message, STRUCTURE_TESTS_FAILED (exit 3) if the program breaks down
 */
export async function runStructureTests(
  host: Host,
  engine: Engine,
  reference: string,
  paths: readonly string[],
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const path of paths) results.push(...(await resultsOf(host, engine, reference, path)));
  return results;
}

/** The report extended by the results of container-structure-test files; throws what runStructureTests throws. */
export async function withStructureTests(
  host: Host,
  engine: Engine,
  reference: string,
  paths: readonly string[],
  { template, subject, checks, durationMs }: SmokeReport,
): Promise<SmokeReport> {
  const startedAt = host.clock.now();
  const results = [...checks, ...(await runStructureTests(host, engine, reference, paths))];
  return reportFrom(host.redact, template, subject, results, durationMs + host.clock.now() - startedAt);
}

/** The files whose tests cannot run here, by the name of their skipped check, and why. */
export async function structureTestsThatCannotRun(
  host: Host,
  { facts }: Engine,
  paths: readonly string[],
): Promise<readonly { readonly check: string; readonly why: string }[]> {
  if (paths.length === 0) return [];
  const why = whyUnreached(facts) ?? (await runVersion(host)).why;
  return why === undefined ? [] : paths.map((path) => ({ check: checkOf(path), why }));
}

async function resultsOf(
  host: Host,
  { facts }: Engine,
  reference: string,
  path: string,
): Promise<readonly CheckResult[]> {
  const instead = (
    outcome: "skipped" | "failed",
    seen: string,
    hint: string,
    durationMs = 0,
  ): CheckResult[] => [{ name: checkOf(path), outcome, durationMs, seen, hint, file: path }];
  const unreached = whyUnreached(facts);
  if (unreached !== undefined)
    return instead(
      "skipped",
      unreached,
      `Run ${PROGRAM} on the engine's machine, or write the tests as checks.yaml.`,
    );
  // Its containers have no label of ours, so they are not removed.
  const left = `the container of its last test may be left on the engine (docker ps -a --filter ancestor=${reference})`;
  const args = [...testArguments(reference, path), ...platformArguments()];
  const ran = await runProgram(host, args, FILE_LIMIT_MS, engineVariables(facts)).catch((error: unknown) => {
    host.emit({ type: "warning", message: `${PROGRAM} was stopped: ${left}` });
    throw error;
  });
  if (ran.spawnError !== undefined) return instead("skipped", whyMissing(host), HOW_TO_INSTALL);
  if (ran.timedOut)
    return instead(
      "failed",
      `${PROGRAM} timed out after ${String(FILE_LIMIT_MS / 60_000)} min; ${left}`,
      "It has no time limit itself: find the command that hangs.",
      ran.durationMs,
    );
  return resultsIn(reportIn(ran, path), ran, path).map((result) => checkResult(path, result));
}

function checkResult(path: string, result: TestResult): CheckResult {
  const output = [
    result.Stdout ? `stdout ${JSON.stringify(shown(result.Stdout))}` : "",
    result.Stderr ? `stderr ${JSON.stringify(shown(result.Stderr))}` : "",
  ];
  const seen = [...(result.Errors ?? []).map(shown), ...output].filter((text) => text !== "").join("; ");
  return {
    name: result.Name === "" ? "a test without a name" : result.Name,
    outcome: result.Pass ? "passed" : "failed",
    durationMs: Math.round((result.Duration ?? 0) / 1e6),
    ...(result.Pass ? {} : { seen: seen === "" ? "it failed without a message" : seen }),
    file: path,
  };
}

/** Why the program cannot reach an engine that this one can: it has no ssh, and no TLS without verification. */
function whyUnreached({ address, tls }: EngineFacts): string | undefined {
  if (address.startsWith("ssh:")) return `${PROGRAM} cannot reach an engine over ssh (${address})`;
  return tls?.skipVerify === true
    ? `${PROGRAM} cannot reach an engine whose certificate is not verified (${address})`
    : undefined;
}

function nameOf({ env }: Host): string {
  const named = env[PROGRAM_VARIABLE] ?? "";
  return named === "" ? PROGRAM : named;
}

function whyMissing(host: Host): string {
  const named = nameOf(host);
  return named === PROGRAM
    ? `${PROGRAM} is not on PATH`
    : `${PROGRAM_VARIABLE} names ${named}, which cannot be run`;
}

/** The program asks for the platform of its own machine. Old versions have neither this option nor that default. */
function platformArguments(): readonly string[] {
  return process.arch === "x64" ? [] : ["--platform", PLATFORM];
}

function testArguments(image: string, path: string): readonly string[] {
  return ["test", "--image", image, "--config", path, "--output", "json", "--no-color"];
}

/** Runs the program with this environment (containerRunOptions may need any of it), except for the engine. */
function runProgram(
  host: Host,
  args: readonly string[],
  timeoutMs: number,
  engine: Readonly<Record<string, string>> = {},
): Promise<ProcessResult> {
  const own = Object.entries(othersEnvironment(host.env)).filter(([name]) => !name.startsWith("DOCKER_"));
  const env = { ...Object.fromEntries(own), ...engine };
  return runOther(host, nameOf(host), args, { env, timeoutMs, keepBytes: REPORT_BYTES });
}

/** The report on a file. Refuses a file that the program refuses, and one without tests, which fails without a message. */
function reportIn(ran: ProcessResult, path: string): Report {
  let report: Report;
  try {
    report = REPORT.parse(JSON.parse(ran.stdout));
  } catch (error) {
    const limit = `did not end within ${String(VALIDATION_LIMIT_MS / 1000)} s`;
    throw broken(ran, path, ran.timedOut ? limit : `wrote no report (${endOf(ran)})`, error);
  }
  const refusal = report.Results?.find(({ Name }) => Name === "")?.Errors?.find((error) =>
    error.startsWith(REFUSAL),
  );
  const why = refusal?.slice(REFUSAL.length) ?? (report.Total === 0 ? "it contains no tests" : undefined);
  if (why === undefined) return report;
  throw new Failure({
    code: "STRUCTURE_TESTS_INVALID",
    kind: "usage",
    message: `${path}: ${why.replaceAll(/\s*\n\s*/gu, " ")}`,
    hint: `${PROGRAM} reports such a file as one failed test; fix it.`,
  });
}

/** The results of a report. Refuses a report with fewer than it counts, or with a verdict other than its exit code (0: all passed). */
function resultsIn({ Total, Results }: Report, ran: ProcessResult, path: string): readonly TestResult[] {
  const results = Results ?? [];
  const reported = `${String(results.length)} result${results.length === 1 ? "" : "s"}`;
  if (results.length !== Total)
    throw broken(ran, path, `counts ${String(Total)} tests and reports ${reported}`);
  const passed = results.every(({ Pass }) => Pass);
  if (passed !== (ran.exitCode === 0))
    throw broken(ran, path, `ends with ${endOf(ran)}, but its tests ${passed ? "passed" : "failed"}`);
  return results;
}

function broken(ran: ProcessResult, path: string, what: string, cause?: unknown): Failure {
  return new Failure({
    code: "STRUCTURE_TESTS_FAILED",
    kind: "environment",
    message: `${PROGRAM} ${what}, on ${path}.`,
    log: outputLines(`${ran.stdout.slice(-2000)}\n${ran.stderr}`, 15),
    hint: `Check whether ${PROGRAM} test --image IMAGE --config ${path} --output json works by itself.`,
    cause,
  });
}
