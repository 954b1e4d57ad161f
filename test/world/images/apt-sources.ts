import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface AptSource {
  readonly uri: string;
  readonly suite: string;
}

const words = (text: string): string[] => text.split(/\s+/u).filter((word) => word !== "");

/** sources.list(5), one line a source: `deb [options] URI SUITE COMPONENT…`. */
function fromOneLine(text: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const [, uri, suite, components] =
      /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/u.exec(line) ?? [];
    return uri !== undefined && suite !== undefined && words(components ?? "").includes("main")
      ? [{ uri, suite }]
      : [];
  });
}

/** sources.list(5), deb822 style: stanzas whose values may go on in indented lines; `Enabled: no` switches one off. */
function fromDeb822(text: string): AptSource[] {
  const withoutComments = text.replace(/^#.*\n?/gmu, "");
  return withoutComments.split(/\n\s*\n/u).flatMap((stanza) => {
    const field = (name: string): string[] =>
      words(new RegExp(`^${name}:((?:.*)(?:\\n[ \\t].*)*)`, "imu").exec(stanza)?.[1] ?? "");
    if (!field("Types").includes("deb") || !field("Components").includes("main")) return [];
    if (/^(no|false|0|off|without|disable)$/iu.test(field("Enabled")[0] ?? "yes")) return [];
    return field("URIs").flatMap((uri) => field("Suites").map((suite) => ({ uri, suite })));
  });
}

/** Debian's archive as mirrors and snapshots lay it out; whoever publishes packages for Debian uses other paths. */
const DEBIAN_ARCHIVE = /^https?:\/\/.*\/debian(-security)?(\/\d{8}T\d{6}Z)?\/?$/u;

/**
 * Debian's own sources of a suite (with its updates and security) among all that apt is configured with.
 * Other publishers' repositories are left out, and whatever containers cannot reach: files, discs, mirror lists.
 * @param files apt's configuration: path → contents
 */
export function debianSources(files: Readonly<Record<string, string>>, suite: string): AptSource[] {
  const wanted = new Set([suite, `${suite}-updates`, `${suite}-security`]);
  const found = Object.entries(files)
    .flatMap(([name, text]) => (name.endsWith(".sources") ? fromDeb822(text) : fromOneLine(text)))
    .filter((source) => wanted.has(source.suite) && DEBIAN_ARCHIVE.test(source.uri));
  return [...new Map(found.map((source) => [`${source.uri} ${source.suite}`, source])).values()];
}

/** The files of this host's apt configuration: path → contents. */
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
