import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface AptSource {
  readonly uri: string;
  readonly suite: string;
}

function fromOneLine(text: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)$/u.exec(line);
    const [, uri, suite, components] = match ?? [];
    return uri !== undefined && suite !== undefined && components?.split(/\s+/u).includes("main") === true
      ? [{ uri, suite }]
      : [];
  });
}

function fromDeb822(text: string): AptSource[] {
  return text.split(/\n\s*\n/u).flatMap((stanza) => {
    const field = (name: string): string[] =>
      new RegExp(`^${name}:\\s*(.*)$`, "imu").exec(stanza)?.[1]?.trim().split(/\s+/u) ?? [];
    if (!field("Types").includes("deb") || !field("Components").includes("main")) return [];
    return field("URIs").flatMap((uri) => field("Suites").map((suite) => ({ uri, suite })));
  });
}

/** Debian's own sources of a suite among all that apt is configured with; other publishers' repositories are left out. */
export function debianSources(files: Readonly<Record<string, string>>, suite: string): AptSource[] {
  const all = Object.entries(files).flatMap(([name, text]) =>
    name.endsWith(".sources") ? fromDeb822(text) : fromOneLine(text),
  );
  const wanted = new Set([suite, `${suite}-updates`, `${suite}-security`, `${suite}/updates`]);
  return all.filter((source) => wanted.has(source.suite) && /\/debian(-security)?\/?$/u.test(source.uri));
}

/** The files of this host's apt configuration. */
export function readAptConfiguration(root = "/etc/apt"): Record<string, string> {
  const files: Record<string, string> = {};
  const read = (path: string): void => {
    try {
      files[path] = readFileSync(path, "utf8");
    } catch {
      // A file that cannot be read names no source.
    }
  };
  read(join(root, "sources.list"));
  try {
    for (const name of readdirSync(join(root, "sources.list.d")))
      if (/\.(list|sources)$/u.test(name)) read(join(root, "sources.list.d", name));
  } catch {
    // No such folder: sources.list alone counts.
  }
  return files;
}
