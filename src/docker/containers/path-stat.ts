import * as z from "zod/mini";
import { parsedJson } from "../../support/text/parsed-json";
import type { PathStat } from "../engine";

/** The bits of Go's os.FileMode, the engine's notation of a mode (Go, package io/fs, "FileMode"). */
const GO = {
  directory: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  pipe: 2 ** 25,
  setuid: 2 ** 23,
  setgid: 2 ** 22,
  character: 2 ** 21,
  sticky: 2 ** 20,
};

const STAT = z.looseObject({ mode: z.int().check(z.gte(0), z.lt(2 ** 32)) });

/**
 * Parses the header X-Docker-Container-Path-Stat: base64 of a JSON object with the mode in Go's notation (Docker Engine API, "Get
 * information about files in a container"). Undefined if invalid.
 */
export function readPathStat(header: string): PathStat | undefined {
  const parsed = z.safeParse(STAT, parsedJson(Buffer.from(header, "base64")));
  if (!parsed.success) return undefined;
  const { mode } = parsed.data;
  const has = (bit: number): boolean => Math.floor(mode / bit) % 2 === 1;
  const special =
    (has(GO.setuid) ? 0o4000 : 0) + (has(GO.setgid) ? 0o2000 : 0) + (has(GO.sticky) ? 0o1000 : 0);
  return { kind: kindOf(has), mode: special + (mode % 0o1000) };
}

function kindOf(has: (bit: number) => boolean): PathStat["kind"] {
  if (has(GO.directory)) return "directory";
  if (has(GO.symlink)) return "symlink";
  if (has(GO.device)) return has(GO.character) ? "character" : "block";
  return has(GO.pipe) ? "pipe" : "file";
}
