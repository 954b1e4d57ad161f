import { humanBytes } from "../../support/text/bytes";
import type { CheckVerdict, CommandResult, ImageAtRest } from "../check";
import type { ListeningPort } from "../checks/listening-ports";
import { shown } from "../report";
import { limitOf, ranOut } from "./commands";
import type { FileSeen } from "./file-seen";
import { judged, patternsAsked, unmet, type Asked } from "./expectations";
import {
  bytes,
  type CommandEntry,
  type FileEntry,
  type HistoryEntry,
  type HttpEntry,
  type ImageEntry,
  type ListeningEntry,
  type Patterns,
  type Settings,
  type SizeEntry,
} from "./schema";

/** The message of timeout for a program that cannot start (GNU: failed to run command; busybox: can't execute). */
const CANNOT_START = /^timeout: (?:failed to run command|can't execute)/mu;

/** The verdict of a command check on its command's result. */
export function judgeCommandCheck(entry: CommandEntry, result: CommandResult): CheckVerdict {
  const { command, exitCode = 0 } = entry;
  if (ranOut(result, entry))
    return unmet(
      `the command to exit within ${String(limitOf(entry) / 1000)} s`,
      `none; stdout ${JSON.stringify(shown(result.stdout))}, stderr ${JSON.stringify(shown(result.stderr))}`,
      "It was killed. Raise its timeLimit, or find out what it waits for (its stdin is empty).",
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

/** The verdict of an HTTP check on an answer. */
export function judgeAnswer({ http }: HttpEntry, status: number, body: string): CheckVerdict {
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

/** The verdict of an HTTP check without an answer. */
export function judgeNoAnswer({ http }: HttpEntry, why: string): CheckVerdict {
  const { port = 8080, path = "/" } = http;
  return unmet(
    `GET :${String(port)}${path} to be answered`,
    `no answer: ${why}`,
    "The request comes from outside, as on Blaxel: the service must listen on 0.0.0.0 or ::, not on the loopback. If it starts slowly, use retry: {for: 30s}.",
  );
}

/** The verdict of a listening check on the open ports. */
export function judgeListening({ listening }: ListeningEntry, open: readonly ListeningPort[]): CheckVerdict {
  const all = open.map(({ port, loopback }) => `${String(port)}${loopback ? " (loopback only)" : ""}`);
  return judged(
    listening.map((port) => ({
      expected: `port ${String(port)} to be listened on`,
      seen: `listening: ${all.join(", ") || "nothing"}`,
      holds: open.some((one) => one.port === port),
    })),
  );
}

const octal = (mode: number): string => mode.toString(8).padStart(4, "0");

/** The verdict of a file check on the entry at its path; undefined: nothing there. */
export function judgeFile({ file }: FileEntry, seen: FileSeen | undefined): CheckVerdict {
  const { path, exists = true, type, mode, owner, link, contents } = file;
  if (seen === undefined || !exists)
    return judged([
      {
        expected: exists ? `${path} to exist` : `nothing at ${path}`,
        seen: seen === undefined ? "nothing exists there" : `a ${seen.kind} is there`,
        holds: exists === (seen !== undefined),
      },
    ]);
  const asked = (what: string, wanted: string, found: string): Asked => ({
    expected: `${path}: ${what} ${wanted}`,
    seen: `${what} ${found}`,
    holds: wanted === found,
  });
  const kind = seen.kind === "symlink" ? "link" : seen.kind;
  return judged([
    { expected: `${path} to exist`, seen: `a ${kind} is there`, holds: true },
    ...(type === undefined ? [] : [asked("type", type, kind)]),
    ...(mode === undefined ? [] : [asked("mode", octal(Number.parseInt(String(mode), 8)), octal(seen.mode))]),
    ...(owner === undefined ? [] : [ownerAsked(path, String(owner), seen)]),
    ...(link === undefined ? [] : [asked("link to", link, seen.link ?? "nothing: it is not a link")]),
    ...(contents === undefined ? [] : contentsAsked(path, seen, contents)),
  ]);
}

function ownerAsked(path: string, wanted: string, { uid, gid, user, group }: FileSeen): Asked {
  const [wantedUser = "", wantedGroup] = wanted.split(":");
  const fits = (name: string, id: number, named: string | undefined): boolean =>
    name === String(id) || name === named;
  const shownAs = (id: number, name: string | undefined): string =>
    name === undefined ? String(id) : `${String(id)} (${name})`;
  return {
    expected: `${path}: owner ${wanted}`,
    seen: `owner ${shownAs(uid, user)}, group ${shownAs(gid, group)}`,
    holds: fits(wantedUser, uid, user) && (wantedGroup === undefined || fits(wantedGroup, gid, group)),
  };
}

function contentsAsked(path: string, { text, kind }: FileSeen, contents: Patterns): readonly Asked[] {
  return text === undefined
    ? [
        {
          expected: `${path}: contents`,
          seen: kind === "symlink" ? "the link does not lead to a readable file" : `not a readable file`,
          holds: false,
        },
      ]
    : patternsAsked(`contents of ${path}`, text, contents);
}

type Config = ImageAtRest["config"];

/** The verdict of an image check on an image's configuration. */
export function judgeImage({ image }: ImageEntry, config: Config): CheckVerdict {
  const env = new Map(config.env.map((entry) => splitOnce(entry)));
  const labels = new Map(Object.entries(config.labels));
  const list = (
    what: string,
    wanted: readonly string[] | undefined,
    found: readonly string[],
  ): readonly Asked[] =>
    wanted === undefined ? [] : [same(what, JSON.stringify(wanted), JSON.stringify(found))];
  const among = (
    what: string,
    wanted: readonly (string | number)[] | undefined,
    found: readonly string[],
    isWanted: boolean,
  ): readonly Asked[] =>
    (wanted ?? []).map((one) => ({
      expected: `${what} ${isWanted ? "with" : "without"} ${String(one)}`,
      seen: `${what}: ${found.join(", ") || "none"}`,
      holds: found.some((other) => portName(other) === portName(String(one))) === isWanted,
    }));
  return judged([
    ...settingsAsked("variable", image.env, env),
    ...settingsAsked("label", image.labels, labels),
    ...list("entrypoint", image.entrypoint, config.entrypoint),
    ...list("cmd", image.cmd, config.cmd),
    ...among("exposed ports", image.ports, config.exposedPorts, true),
    ...among("exposed ports", image.notPorts, config.exposedPorts, false),
    ...among("volumes", image.volumes, config.volumes, true),
    ...among("volumes", image.notVolumes, config.volumes, false),
    ...(image.cwd === undefined ? [] : [same("working folder", image.cwd, config.workdir)]),
    ...(image.user === undefined ? [] : [same("user", String(image.user), config.user)]),
  ]);
}

function same(what: string, wanted: string, found: string): Asked {
  return {
    expected: `${what} ${wanted || "none"}`,
    seen: `${what} ${found || "none"}`,
    holds: wanted === found,
  };
}

/** A port in an image's notation: 8080 is 8080/tcp. */
function portName(port: string): string {
  return /^\d+$/u.test(port) ? `${port}/tcp` : port;
}

function splitOnce(entry: string): readonly [string, string] {
  const at = entry.indexOf("=");
  return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}

function settingsAsked(
  what: string,
  wanted: Settings | undefined,
  found: ReadonlyMap<string, string>,
): readonly Asked[] {
  return Object.entries(wanted ?? {}).flatMap(([name, value]) => {
    const has = found.get(name);
    if (value === null)
      return [
        {
          expected: `no ${what} ${name}`,
          seen: has === undefined ? `no ${what} ${name}` : `${what} ${name} is ${JSON.stringify(shown(has))}`,
          holds: has === undefined,
        },
      ];
    if (has === undefined)
      return [{ expected: `${what} ${name} to be set`, seen: `no ${what} ${name}`, holds: false }];
    if (typeof value === "object") return patternsAsked(`${what} ${name}`, has, value);
    return [same(`${what} ${name}`, String(value), has)];
  });
}

/** The verdict of a history check on an image's steps, oldest first, one a line. */
export function judgeHistory({ history }: HistoryEntry, steps: readonly string[]): CheckVerdict {
  const text = steps.map((step) => step.replaceAll(/\s*\n\s*/gu, " ")).join("\n");
  return judged(patternsAsked("history", text, history));
}

/** The verdict of a size check on an image. */
export function judgeSize({ size }: SizeEntry, sizeBytes: number): CheckVerdict {
  const most = bytes(size);
  return judged([
    {
      expected: `at most ${humanBytes(most)} (${String(most)} bytes)`,
      seen: `${humanBytes(sizeBytes)} (${String(sizeBytes)} bytes)`,
      holds: sizeBytes <= most,
    },
  ]);
}
