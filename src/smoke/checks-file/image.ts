import type { ImageContents } from "../../docker/saved-image/index";
import { humanBytes } from "../../support/text/bytes";
import type { CheckVerdict, ImageAtRest } from "../check";
import { shown } from "../report";
import { judged, patternsAsked, type Asked } from "./expectations";
import { bytes, type HistoryEntry, type ImageEntry, type Settings, type SizeEntry } from "./schema";

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

/** The verdict of a history check: the image's steps, oldest first, one a line. */
export function judgeHistory({ history }: HistoryEntry, contents: ImageContents): CheckVerdict {
  const text = contents.history.map(({ createdBy }) => createdBy.replaceAll(/\s*\n\s*/gu, " ")).join("\n");
  return judged(patternsAsked("history", text, history));
}

/** The verdict of a size check on an image. */
export function judgeSize({ size }: SizeEntry, { sizeBytes }: ImageContents): CheckVerdict {
  const most = bytes(size);
  return judged([
    {
      expected: `at most ${humanBytes(most)} (${String(most)} bytes)`,
      seen: `${humanBytes(sizeBytes)} (${String(sizeBytes)} bytes)`,
      holds: sizeBytes <= most,
    },
  ]);
}
