import { humanBytes } from "../../support/bytes";
import type { CommandResult, ImageAtRest } from "../check";
import { judged, shown, textAsked, type Asked, type Judged } from "../judged";
import type { ListeningPort } from "../listening-ports";
import { bothWays, bytes } from "./amounts";
import { limitOf, ranOut } from "./limited-command";
import type { CommandEntry, HistoryEntry, HttpEntry, ListeningEntry, Patterns, SizeEntry } from "./schema";

/** What timeout says of a program that it cannot start (GNU: failed to run command; busybox: can't execute). */
const CANNOT_START = /^timeout: (?:failed to run command|can't execute)/mu;

function patternsAsked(what: string, text: string, patterns: Patterns | undefined): readonly Asked[] {
  const { match, not } = bothWays(patterns);
  return textAsked(what, text, match, not);
}

/** A single demand that does not hold. */
export function unmet(expected: string, seen: string, hint?: string): Judged {
  return judged([{ expected, seen, holds: false, hint }]);
}

/** What a command check says of how its command ended. */
export function judgeCommandCheck(entry: CommandEntry, result: CommandResult): Judged {
  const { command, exitCode = 0 } = entry;
  if (ranOut(result, entry))
    return unmet(
      `an end within ${String(limitOf(entry) / 1000)} s`,
      `none; stdout ${JSON.stringify(shown(result.stdout))}, stderr ${JSON.stringify(shown(result.stderr))}`,
      "It was ended. Give it a longer timeLimit, or find out what it waits for (it gets nothing on stdin).",
    );
  if (typeof command !== "string" && result.exitCode > 125 && CANNOT_START.test(result.stderr))
    return unmet(
      `${command[0] ?? ""} to be run`,
      result.stderr.trim(),
      "The program is not in the image, or this user may not execute it.",
    );
  return judged([
    ...patternsAsked("stdout", result.stdout, entry.stdout),
    ...patternsAsked("stderr", result.stderr, entry.stderr),
    {
      expected: `exit code ${String(exitCode)}`,
      seen: `exit code ${String(result.exitCode)}, stdout ${JSON.stringify(shown(result.stdout))}, stderr ${JSON.stringify(shown(result.stderr))}`,
      holds: result.exitCode === exitCode,
    },
  ]);
}

/** What an HTTP check says of an answer. */
export function judgeAnswer({ http }: HttpEntry, status: number, body: string): Judged {
  const { port = 8080, path = "/", status: wanted = 200 } = http;
  return judged([
    {
      expected: `GET :${String(port)}${path} to answer ${String(wanted)}`,
      seen: `${String(status)}, body ${JSON.stringify(shown(body))}`,
      holds: status === wanted,
    },
    ...patternsAsked("body", body, http.body),
  ]);
}

/** What an HTTP check says when nothing answered. */
export function judgeNoAnswer({ http }: HttpEntry, why: string): Judged {
  const { port = 8080, path = "/" } = http;
  return unmet(
    `GET :${String(port)}${path} to be answered`,
    `no answer: ${why}`,
    "It is asked from outside, as on Blaxel: the service must listen on 0.0.0.0 or ::, not on the loopback. Slow to come up? Give retry: {for: 30s}.",
  );
}

/** What a listening check says of the ports that are listened on. */
export function judgeListening({ listening }: ListeningEntry, open: readonly ListeningPort[]): Judged {
  const all = open.map(({ port, loopback }) => `${String(port)}${loopback ? " (loopback only)" : ""}`);
  return judged(
    listening.map((port) => ({
      expected: `port ${String(port)} to be listened on`,
      seen: `listening: ${all.join(", ") || "nothing"}`,
      holds: open.some((one) => one.port === port),
    })),
  );
}

/** What a history check says of an image: its steps, oldest first, one a line. */
export function judgeHistory(
  { history }: HistoryEntry,
  { history: steps }: Pick<ImageAtRest, "history">,
): Judged {
  const text = steps
    .map((step) => step.createdBy.replaceAll(/\s*\n\s*/gu, " "))
    .reverse()
    .join("\n");
  return judged(patternsAsked("history", text, history));
}

/** What a size check says of an image. */
export function judgeSize({ size }: SizeEntry, { sizeBytes }: Pick<ImageAtRest, "sizeBytes">): Judged {
  const most = bytes(size);
  return judged([
    {
      expected: `at most ${humanBytes(most)} (${String(most)} bytes)`,
      seen: `${humanBytes(sizeBytes)} (${String(sizeBytes)} bytes)`,
      holds: sizeBytes <= most,
    },
  ]);
}
