import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ZipInput } from "./zip";

const DEFAULTS = [
  ".blaxel",
  ".env.build",
  ".docker",
  ".git",
  "dist",
  ".venv",
  "venv",
  "node_modules",
  ".env",
  ".next",
  "__pycache__",
];

/** What is left out: .blaxelignore takes the defaults' place, without globs, negation or anchors. */
function ignoreEntries(folder: string): string[] {
  let text: string;
  try {
    text = readFileSync(join(folder, ".blaxelignore"), "utf8");
  } catch {
    return DEFAULTS;
  }
  const lines = text
    .split("\n")
    .map((line) => line.replace(/#.*$/u, "").trim())
    .filter((line) => line !== "");
  return [...lines.map((line) => line.replace(/^\.?\//u, "").replace(/\/$/u, "")), ".env.build"];
}

/** The match is made on the absolute path, as a prefix, as a part, and as an end. */
function isIgnored(path: string, folder: string, entries: readonly string[]): boolean {
  return entries.some(
    (entry) =>
      path.startsWith(`${folder}/${entry}`) || path.includes(`/${entry}/`) || path.endsWith(`/${entry}`),
  );
}

/** Everything below the folder that goes into the upload, sorted by path. */
export function filesToUpload(folder: string): ZipInput[] {
  const entries = ignoreEntries(folder);
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      if (isIgnored(path, folder, entries)) return [];
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat?.isFile() === true
        ? [{ name, data: readFileSync(path), mode: stat.mode & 0o777, mtime: stat.mtime }]
        : [];
    });
}
