import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { availableParallelism } from "node:os";
import { randomBytes } from "node:crypto";
import { commandArguments, type CommandArgs } from "./line/arguments";
import { confirm } from "./confirm";
import type { CommandContext, CommandGroup } from "./command";
import { commandName } from "./line/command-line";
import { COMMAND_GROUPS } from "./commands/index";
import { environmentName, environmentWarnings, optionsFromEnvironment } from "./line/environment";
import { eventsFile } from "./output/events-file";
import { errorDocument, errorText, jsonText } from "./output/output";
import { parseCommandLine } from "./line/parser";
import { progressFor, type Progress } from "./output/progress";
import { interruption, isQuiet, stdoutFailure } from "./interruption";
import { newRun } from "../release/run";
import { systemClock } from "../support/clock";
import { withHome, type Environment } from "../support/environment";
import { exitCodeOf, Failure, hasErrno, EXIT_CODES, type ExitCode, wrongUsage } from "../support/errors";
import type { Host } from "../support/host";
import { createRedactor, type Redactor } from "../support/redact";
import { findRoot, paths } from "../support/files/paths";
import { runProcess } from "../support/processes/run-process";

function isCi(env: Environment): boolean {
  return env["CI"] !== undefined && env["CI"] !== "" && env["CI"] !== "false";
}

/** --upstream, as an absolute path. @throws Failure USAGE (exit 2) if there is no such file */
function upstreamIn(args: CommandArgs): string | undefined {
  const asked = args.text("upstream");
  if (asked === undefined) return undefined;
  const upstream = resolve(asked);
  if (existsSync(upstream)) return upstream;
  throw wrongUsage(
    `${args.nameOf("upstream")}: there is no file ${upstream}.`,
    "Name the file with the sources of images and packages (default: templates/upstream.toml).",
  );
}

/** The names in --template, each once. @throws Failure USAGE (exit 2) if one is empty */
function templatesIn(args: CommandArgs): readonly string[] | undefined {
  const names = args
    .text("template")
    ?.split(",")
    .map((name) => name.trim());
  if (names?.includes("") === true)
    throw wrongUsage(`${args.nameOf("template")} contains an empty name.`, "Write --template debian,alpine.");
  return names === undefined ? undefined : [...new Set(names)];
}

function prepare(args: CommandArgs, env: Environment, redact: Redactor, signal: AbortSignal) {
  const json = args.flag("json");
  // A terminal named dumb knows no control sequences.
  const plain = isCi(env) || (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  const live = process.stderr.isTTY && !json && !plain;
  const toStderr = (text: string | Uint8Array): void => {
    process.stderr.write(text);
  };
  // A pseudo-terminal without a size reports 0.
  const size = (): { columns: number; rows: number } => ({
    columns: process.stderr.columns || 80,
    rows: process.stderr.rows || 24,
  });
  const progress = progressFor(live ? size : undefined, toStderr, systemClock, redact);
  const events = args.text("events");
  const keep =
    events === undefined
      ? undefined
      : eventsFile(resolve(events), systemClock, redact, (message) => {
          progress.handle({ type: "warning", message });
        });
  const [templates, upstream, workspace] = [templatesIn(args), upstreamIn(args), args.text("workspace")];
  const concurrency = args.number("concurrency") ?? availableParallelism();
  const host: Host = {
    env: withHome(workspace === undefined ? env : { ...env, BL_WORKSPACE: workspace }),
    clock: systemClock,
    fetch: globalThis.fetch,
    run: runProcess,
    emit: (event) => {
      progress.handle(event);
      keep?.(event);
    },
    redact,
    signal,
    runId: randomBytes(6).toString("hex"),
  };
  const root = (): string => findRoot(process.cwd(), args.text("root"));
  const context: CommandContext = {
    ...newRun(host, () => ({ ...paths(root()), ...(upstream === undefined ? {} : { upstream }) })),
    get root() {
      return root();
    },
    startFolder: resolve(args.text("root") ?? "."),
    templates,
    concurrency,
    json,
    dryRun: args.flag("dry-run"),
    terminal: {
      interactive: process.stdin.isTTY && process.stderr.isTTY && !json && !isCi(env),
      width: process.stdout.isTTY ? process.stdout.columns || 80 : undefined,
      stdout: (text) => {
        process.stdout.write(text);
      },
      stderr: (text) => {
        if (typeof text === "string") progress.print(text);
        else toStderr(text);
      },
      confirm: (question) => confirm(question, signal),
    },
  };
  return { context, progress };
}

/** Writes a whole text and returns the error, if any. */
async function write(stream: NodeJS.WriteStream, text: string): Promise<Error | undefined> {
  return new Promise((done) => {
    stream.write(text, (error) => {
      done(error ?? undefined);
    });
  });
}

/** @throws Failure STDOUT_FAILED (exit 3) if the result is lost, except when the reader stopped reading (… | head -1) */
async function writeResult(text: string): Promise<void> {
  if (text === "") return;
  const failed = await write(process.stdout, text.endsWith("\n") ? text : `${text}\n`);
  if (failed !== undefined && !hasErrno(failed, "EPIPE")) throw stdoutFailure(failed);
}

async function reportError(error: unknown, json: boolean, redact: Redactor): Promise<ExitCode> {
  if (isQuiet(error)) return exitCodeOf(error);
  if (json) await write(process.stdout, `${jsonText({ ok: false, error: errorDocument(error) }, redact)}\n`);
  else await write(process.stderr, errorText(error, redact));
  return exitCodeOf(error);
}

/** Adds the command's own --help as hint to wrong usage without one. */
function withHint(error: unknown, command: string): unknown {
  if (!(error instanceof Failure) || error.code !== "USAGE" || error.hint !== undefined) return error;
  return error.with({ hint: `See mesa-template ${command} --help.`.replace("  ", " ") });
}

/** Runs one command line and returns the exit code. Results go to stdout, everything else to stderr. */
export async function main(
  argv: readonly string[],
  env: Environment,
  groups: readonly CommandGroup[] = COMMAND_GROUPS,
): Promise<ExitCode> {
  const redact = createRedactor(env);
  const separator = argv.indexOf("--");
  let json =
    (separator < 0 ? argv : argv.slice(0, separator)).some((word) => /^--json(=true)?$/u.test(word)) ||
    /^(1|true|yes|on)$/iu.test(env["MESA_TEMPLATE_JSON"] ?? "");
  // A time limit (AbortSignal.timeout) does not keep Node running. undici sometimes leaves a fetch open without a socket, and Node would
  // then exit with 13 instead of timing out and retrying.
  const alive = setInterval(() => undefined, 60_000);
  let progress: Progress | undefined;
  let command = "";
  const stop = interruption((message) => {
    if (progress === undefined) process.stderr.write(message);
    else progress.print(message);
  });
  try {
    const parsed = parseCommandLine(argv, groups, Math.min(process.stdout.columns || 100, 120));
    if ("text" in parsed) {
      if (parsed.failure === undefined) {
        await writeResult(parsed.text);
        return EXIT_CODES.done;
      }
      // Help in answer to wrong usage.
      if (!json) await write(process.stderr, `${parsed.text}\n`);
      throw parsed.failure;
    }
    command = commandName(parsed.spec);
    const { values, rest } = parsed;
    const args = commandArguments({ ...optionsFromEnvironment(env), ...values }, rest, (option) =>
      option in values ? `--${option}` : environmentName(option),
    );
    json = args.flag("json");
    if (args.flag("dry-run") && parsed.spec.refusesDryRun === true)
      throw wrongUsage(`${command} has no dry run, which ${args.nameOf("dry-run")} asks for.`);
    const prepared = prepare(args, env, redact, stop.signal);
    progress = prepared.progress;
    const commands = groups.flatMap((group) => group.commands);
    for (const message of environmentWarnings(env, commands)) progress.handle({ type: "warning", message });
    const run = await parsed.spec.load();
    const outcome = await run(args, prepared.context);
    const { errors = [], error = errors[0] } = outcome;
    if (!json) for (const text of new Set(errors.map((one) => errorText(one, redact)))) progress.print(text);
    progress.close();
    const ending = error === undefined ? { ok: true } : { ok: false, error: errorDocument(error) };
    const document = outcome.isWhole === true ? outcome.json : { ...ending, ...outcome.json };
    await writeResult(json ? jsonText(document, redact) : redact(outcome.text));
    return outcome.exitCode ?? (error === undefined ? EXIT_CODES.done : exitCodeOf(error));
  } catch (error) {
    progress?.close();
    const why: unknown = stop.signal.aborted ? stop.signal.reason : error;
    for (const line of stop.signal.aborted && !isQuiet(why) ? (progress?.notReached() ?? []) : [])
      await write(process.stderr, `not reached: ${line}\n`);
    return await reportError(withHint(why, command), json, redact);
  } finally {
    clearInterval(alive);
    stop.dispose();
  }
}
