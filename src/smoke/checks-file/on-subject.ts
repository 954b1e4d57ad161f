import { messageOf, Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import { withTimeLimit } from "../../support/processes/time-limit";
import { quoted } from "../../support/text/quoted";
import type { CheckVerdict, Subject } from "../check";
import { listeningPorts, TCP_TABLES } from "../checks/listening-ports";
import { shown } from "../report";
import { limitedCommand, limitOf, ranOut, startService } from "./commands";
import { judged, patternsAsked, unmet } from "./expectations";
import {
  milliseconds,
  type CommandEntry,
  type HttpEntry,
  type ListeningEntry,
  type RunEntry,
} from "./schema";

/** A check of a file that runs in a container or sandbox. */
type OnSubject = CommandEntry | HttpEntry | ListeningEntry;

/** Ports that Blaxel reserves. 8080, the sandbox API's, can be requested like any other. */
const NOT_ROUTED = new Set([80, 443]);

/** Failures of a command that say something about the check or the image. */
const CONCERNS_CHECK = ["ENGINE_FAILED", "CONTAINER_DIED"];

/**
 * Runs a check in a subject, beside its service if it has one. What the engine or the sandbox refuses (no such user, no such folder) concerns
 * this check; a lost engine concerns all, and is thrown.
 */
export async function runOnSubject(host: Host, entry: OnSubject, subject: Subject): Promise<CheckVerdict> {
  const why = await whyNotHere(entry, subject);
  if (why !== undefined) return { outcome: "skipped", seen: why };
  const verdict = (): Promise<CheckVerdict> =>
    untilPassed(host, entry, (answerMs) => attempt(host, entry, subject, answerMs));
  try {
    if (entry.start === undefined) {
      const found = await verdict();
      if (found.outcome === "passed" || "command" in entry || subject.ended === undefined) return found;
      return unmet(found.expected ?? "", `${found.seen ?? ""}; ${subject.ended}`);
    }
    const stop = await startService(subject, entry.start, entry);
    const found = await verdict().catch(async (error: unknown) => {
      await stop();
      throw error;
    });
    const output = await stop();
    if (found.outcome === "passed") return found;
    const printed = output === "" ? "printed nothing" : `printed: ${output}`;
    return { ...found, seen: `${found.seen ?? ""}; the service ${printed}` };
  } catch (error) {
    host.signal.throwIfAborted();
    if (error instanceof Failure && !CONCERNS_CHECK.includes(error.code)) throw error;
    return unmet("the check to be run", messageOf(error));
  }
}

/** Why a check cannot run in this subject: a missing device or port. */
async function whyNotHere(entry: OnSubject, subject: Subject): Promise<string | undefined> {
  const port = "http" in entry ? entry.http.port : undefined;
  if (subject.kind === "sandbox" && port !== undefined && NOT_ROUTED.has(port))
    return `port ${String(port)} is reserved on Blaxel`;
  const devices = entry.devices ?? [];
  if (devices.length === 0 || subject.noShell !== undefined) return undefined;
  const script = `for d in ${devices.map(quoted).join(" ")}; do [ -e "$d" ] || echo "$d"; done`;
  const absent = (await subject.run({ script })).stdout.trim().split("\n").join(", ");
  return absent === "" ? undefined : `the ${subject.kind} has no ${absent}`;
}

/** Default time for a started service to come up, and between attempts. */
const FOR_A_SERVICE = "10s";
const EVERY = "250ms";

/** Time limit for the first of several attempts, in ms; it doubles with each further attempt. */
const FIRST_ANSWER_MS = 1_000;

/**
 * Repeats an attempt until it passes or the time is over; each one receives its time limit in ms. The last verdict counts, and a failed one
 * tells the number of attempts. A check with neither retry nor start runs once.
 */
async function untilPassed(
  { clock, signal }: Host,
  entry: RunEntry,
  attemptWithin: (answerMs: number) => Promise<CheckVerdict>,
): Promise<CheckVerdict> {
  const { retry, start } = entry;
  if (retry === undefined && start === undefined) return attemptWithin(limitOf(entry));
  const forMs = milliseconds(retry?.for ?? FOR_A_SERVICE);
  const everyMs = milliseconds(retry?.every ?? EVERY);
  const startedAt = clock.now();
  for (let tries = 1; ; tries += 1) {
    const found = await attemptWithin(Math.min(limitOf(entry), FIRST_ANSWER_MS * 2 ** (tries - 1)));
    if (found.outcome === "passed") return found;
    const passed = clock.now() - startedAt;
    if (passed + everyMs > forMs)
      return {
        ...found,
        seen: `${found.seen ?? ""} (${String(tries)} ${tries === 1 ? "try" : "tries"} in ${(passed / 1000).toFixed(1)} s)`,
      };
    await clock.sleep(everyMs, signal);
  }
}

function attempt(host: Host, entry: OnSubject, subject: Subject, answerMs: number): Promise<CheckVerdict> {
  if ("command" in entry) return runCommand(entry, subject);
  return "http" in entry ? askOverHttp(host, entry, subject, answerMs) : checkPorts(entry, subject);
}

/** For a program that cannot start: timeout's message (GNU: failed to run command; busybox: can't execute), or the engine's on stdout. */
const CANNOT_START = /^(?:timeout: (?:failed to run command|can't execute)|OCI runtime exec failed)/mu;

async function runCommand(entry: CommandEntry, subject: Subject): Promise<CheckVerdict> {
  const { command, exitCode: wanted = 0 } = entry;
  const { noShell } = subject;
  if (noShell !== undefined && typeof command === "string")
    return unmet(
      "a shell for the command",
      noShell,
      "In an image without a shell, write the command as a list of a program and its arguments.",
    );
  const result = await subject.run(limitedCommand(command, entry, noShell !== undefined));
  const { exitCode, stdout, stderr } = result;
  const output = `stdout ${JSON.stringify(shown(stdout))}, stderr ${JSON.stringify(shown(stderr))}`;
  if (ranOut(result, entry))
    return unmet(
      `the command to exit within ${String(limitOf(entry) / 1000)} s`,
      `none; ${output}`,
      "It was killed. Raise its timeLimit, or find out what it waits for (its stdin is empty).",
    );
  if (typeof command !== "string" && exitCode > 125 && CANNOT_START.test(`${stderr}\n${stdout}`))
    return unmet(
      `${command[0] ?? ""} to be run`,
      (stderr || stdout).trim(),
      "The program is not in the image, or this user may not execute it.",
    );
  return judged([
    ...patternsAsked("stdout", stdout, entry.stdout),
    ...patternsAsked("stderr", stderr, entry.stderr),
    {
      expected: `exit code ${String(wanted)}`,
      seen: `exit code ${String(exitCode)}, ${output}`,
      holds: exitCode === wanted,
    },
  ]);
}

async function checkPorts({ name, listening }: ListeningEntry, subject: Subject): Promise<CheckVerdict> {
  const noShell = subject.noShell !== undefined;
  const command = noShell ? TCP_TABLES.split(" ").slice(0, 3) : TCP_TABLES;
  const open = listeningPorts((await subject.run(limitedCommand(command, { name }, noShell))).stdout);
  const all = open.map(({ port, loopback }) => `${String(port)}${loopback ? " (loopback only)" : ""}`);
  return judged(
    listening.map((port) => ({
      expected: `port ${String(port)} to be listened on`,
      seen: `listening: ${all.join(", ") || "nothing"}`,
      holds: open.some((one) => one.port === port),
    })),
  );
}

async function askOverHttp(
  { signal }: Host,
  { http }: HttpEntry,
  subject: Subject,
  answerMs: number,
): Promise<CheckVerdict> {
  const { port = 8080, path = "/", status = 200 } = http;
  const asked = `GET :${String(port)}${path}`;
  try {
    return await withTimeLimit(answerMs, signal, async (limited) => {
      const response = await subject.request(port, path, { redirect: "manual", signal: limited });
      const body = await response.text();
      return judged([
        {
          expected: `${asked} to answer ${String(status)}`,
          seen: `${String(response.status)}, body ${JSON.stringify(shown(body))}`,
          holds: response.status === status,
        },
        ...patternsAsked("body", body, http.body),
      ]);
    });
  } catch (error) {
    signal.throwIfAborted();
    return unmet(
      `${asked} to be answered`,
      `no answer: ${reasonOf(error)}`,
      "The request comes from outside, as on Blaxel: the service must listen on 0.0.0.0 or ::, not on the loopback. If it starts slowly, use retry: {for: 30s}.",
    );
  }
}

/** fetch says only "fetch failed"; the reason is in its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : `${messageOf(error)} (${messageOf(cause)})`;
}
