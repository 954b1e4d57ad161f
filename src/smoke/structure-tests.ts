import { access } from "node:fs/promises";
import * as z from "zod/mini";
import type { Engine, EngineFacts } from "../docker/index";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { othersEnvironment, type ProcessResult } from "../support/process";
import { hideSecrets } from "./hide-secrets";
import { reportFrom, type CheckResult, type SmokeReport } from "./report";

/** The program that these files are written for (github.com/GoogleContainerTools/container-structure-test). */
const PROGRAM = "container-structure-test";
const PROGRAM_VARIABLE = "CONTAINER_STRUCTURE_TEST";

const HOW_TO_INSTALL = `Install it (pip install ${PROGRAM}, or a release from github.com/GoogleContainerTools/${PROGRAM}), or set ${PROGRAM_VARIABLE} to its path.`;

/** The program has no time limit of its own; this one is for all tests of a file, in ms. */
const FILE_LIMIT_MS = 900_000;
/** A file is checked without an engine, in ms. */
const LOOK_LIMIT_MS = 30_000;
/** A report holds all output of all commands, in bytes. */
const REPORT_BYTES = 64 * 1024 * 1024;
/** What of a test's output a result tells, in characters. */
const SHOWN = 600;

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

/** How the program begins what it says of a file that it cannot read (cmd/container-structure-test/app/cmd/test.go). */
const REFUSAL = "error parsing config file: ";

/** The version of the program that would run. @throws Failure NO_STRUCTURE_TEST (environment) with how to install it */
export async function structureTestProgram(host: Host): Promise<string> {
  const version = await runVersion(host);
  if (version !== undefined) return `${nameOf(host)}, ${version}`;
  throw new Failure({
    code: "NO_STRUCTURE_TEST",
    kind: "environment",
    message: whyMissing(host),
    hint: HOW_TO_INSTALL,
  });
}

/** What the program says of its version; undefined where it cannot be run. */
async function runVersion(host: Host): Promise<string | undefined> {
  const ran = await runProgram(host, ["version"], {}, LOOK_LIMIT_MS);
  return ran.exitCode === 0 ? ran.stdout.trim() : undefined;
}

/** What the results of a file that could not be run are called together. */
function checkOf(path: string): string {
  return `the tests of ${path}`;
}

/**
 * Sees to it that container-structure-test files can be read: before anything is built, because a broken file is wrong usage. Where
 * the program is missing, only that they are there.
 * @throws Failure STRUCTURE_TESTS_MISSING, STRUCTURE_TESTS_INVALID (exit 2)
 */
export async function lookAtStructureTests(host: Host, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await access(path).catch((error: unknown) => {
      throw new Failure({
        code: "STRUCTURE_TESTS_MISSING",
        kind: "usage",
        message: `${path} cannot be read: ${messageOf(error)}`,
        hint: "Give --structure-tests the path of a container-structure-test file.",
        cause: error,
      });
    });
    // It has no command that only reads a file. Without an engine every test fails, and nothing is run.
    const ran = await test(host, "none", path, { DOCKER_HOST: "unix:///nowhere" }, LOOK_LIMIT_MS);
    if (ran.spawnError === undefined) refuseBroken(path, reportIn(ran, path));
  }
}

/**
 * Runs the tests of files against a local image, each file by the program itself.
 * @returns a result for each test, in the program's order; one that is skipped for each file that cannot be run here
 * @throws Failure STRUCTURE_TESTS_INVALID (exit 2) with the program's words, STRUCTURE_TESTS_FAILED (environment) when it breaks down
 */
export async function runStructureTests(
  host: Host,
  engine: Engine,
  reference: string,
  paths: readonly string[],
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const path of paths) results.push(...(await resultsOf(host, engine, reference, path)));
  return results.map((result) => hideSecrets(host.redact, result));
}

/** The report with the results of container-structure-test files added to it; throws what runStructureTests throws. */
export async function withStructureTests(
  host: Host,
  engine: Engine,
  reference: string,
  paths: readonly string[],
  report: SmokeReport,
): Promise<SmokeReport> {
  const begun = host.clock.now();
  const results = await runStructureTests(host, engine, reference, paths);
  const durationMs = report.durationMs + host.clock.now() - begun;
  return reportFrom(report.template, report.subject, [...report.checks, ...results], durationMs);
}

/** The files whose tests cannot be run here, by the name that their skipped check has, and why. */
export async function structureTestsThatCannotRun(
  host: Host,
  { facts }: Engine,
  paths: readonly string[],
): Promise<readonly { readonly check: string; readonly why: string }[]> {
  if (paths.length === 0) return [];
  const why = whyUnreached(facts) ?? ((await runVersion(host)) === undefined ? whyMissing(host) : undefined);
  return why === undefined ? [] : paths.map((path) => ({ check: checkOf(path), why }));
}

async function resultsOf(
  host: Host,
  { facts }: Engine,
  reference: string,
  path: string,
): Promise<readonly CheckResult[]> {
  const unreached = whyUnreached(facts);
  if (unreached !== undefined)
    return [
      skipped(path, unreached, `Run ${PROGRAM} on the engine's machine, or write the tests as checks.yaml.`),
    ];
  const ran = await test(host, reference, path, engineVariables(facts), FILE_LIMIT_MS);
  if (ran.spawnError !== undefined) return [skipped(path, whyMissing(host), HOW_TO_INSTALL)];
  if (ran.timedOut)
    return [
      {
        name: checkOf(path),
        outcome: "failed",
        durationMs: ran.durationMs,
        seen: `${PROGRAM} timed out after ${String(FILE_LIMIT_MS / 60_000)} min; the container of its last test may be left on the engine`,
        hint: "It has no time limit itself: find the command that hangs.",
        file: path,
      },
    ];
  const report = reportIn(ran, path);
  refuseBroken(path, report);
  return (report.Results ?? []).map((result) => checkResult(path, result));
}

function skipped(path: string, why: string, hint: string): CheckResult {
  return { name: checkOf(path), outcome: "skipped", durationMs: 0, seen: why, hint, file: path };
}

/** A test's result as one of ours. */
function checkResult(path: string, result: TestResult): CheckResult {
  const output = [
    result.Stdout ? `stdout ${JSON.stringify(cut(result.Stdout))}` : "",
    result.Stderr ? `stderr ${JSON.stringify(cut(result.Stderr))}` : "",
  ];
  const seen = [...(result.Errors ?? []).map(cut), ...output].filter((text) => text !== "").join("; ");
  return {
    name: result.Name === "" ? "a test without a name" : result.Name,
    outcome: result.Pass ? "passed" : "failed",
    durationMs: Math.round((result.Duration ?? 0) / 1e6),
    ...(result.Pass ? {} : { seen: seen === "" ? "it failed without a message" : seen }),
    file: path,
  };
}

function cut(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

/** Why the program cannot reach an engine that this one can: it knows no ssh, and trusts no certificate unseen. */
function whyUnreached({ address, tls }: EngineFacts): string | undefined {
  if (address.startsWith("ssh:")) return `${PROGRAM} cannot reach an engine over ssh (${address})`;
  return tls?.skipVerify === true
    ? `${PROGRAM} cannot reach an engine whose certificate is not verified (${address})`
    : undefined;
}

/** The engine in use, as the program is told of one. */
function engineVariables({ address, tls }: EngineFacts): Readonly<Record<string, string>> {
  const certificates = tls?.certificates;
  return {
    DOCKER_HOST: address,
    ...(certificates === undefined ? {} : { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: certificates }),
  };
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

function test(
  host: Host,
  image: string,
  path: string,
  engine: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<ProcessResult> {
  const args = ["test", "--image", image, "--config", path, "--output", "json", "--no-color"];
  return runProgram(host, args, engine, timeoutMs);
}

/** Runs the program with everything of this one's environment (containerRunOptions may ask for any of it) but its engine. */
function runProgram(
  host: Host,
  args: readonly string[],
  engine: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<ProcessResult> {
  const own = Object.entries(othersEnvironment(host.env)).filter(([name]) => !name.startsWith("DOCKER_"));
  return host.run({
    command: nameOf(host),
    args,
    env: { ...Object.fromEntries(own), ...engine },
    timeoutMs,
    signal: host.signal,
    keepBytes: REPORT_BYTES,
  });
}

function reportIn(ran: ProcessResult, path: string): Report {
  try {
    return REPORT.parse(JSON.parse(ran.stdout));
  } catch (error) {
    throw new Failure({
      code: "STRUCTURE_TESTS_FAILED",
      kind: "environment",
      message: `${PROGRAM} wrote no report on ${path} (exit ${String(ran.exitCode ?? ran.signal)}).`,
      log: `${ran.stdout.slice(-2000)}\n${ran.stderr}`.trim().split("\n").slice(-15),
      hint: `Check whether ${PROGRAM} test --image IMAGE --config ${path} --output json works by itself.`,
      cause: error,
    });
  }
}

/** Refuses a file that the program refuses, and one without tests, which it fails silently. */
function refuseBroken(path: string, report: Report): void {
  const refusal = report.Results?.find(({ Name }) => Name === "")?.Errors?.find((error) =>
    error.startsWith(REFUSAL),
  );
  const why = refusal?.slice(REFUSAL.length) ?? (report.Total === 0 ? "it contains no tests" : undefined);
  if (why === undefined) return;
  throw new Failure({
    code: "STRUCTURE_TESTS_INVALID",
    kind: "usage",
    message: `${path}: ${why.replaceAll(/\s*\n\s*/gu, " ")}`,
    hint: `${PROGRAM} reports such a file as one failed test; fix it.`,
  });
}
