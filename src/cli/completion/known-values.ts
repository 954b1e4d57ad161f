import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ValueSource } from "./words";

interface ManifestNames {
  readonly ids: readonly string[];
  readonly versions: readonly string[];
  readonly channels: readonly string[];
}

function foldersIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    // A folder that is not there has no names to offer; completing is no place for errors.
    return [];
  }
}

function keysOf(value: unknown): readonly string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

/** The names in a manifest. It is not checked: whatever is no manifest has no names. */
function manifestNames(path: string): ManifestNames {
  try {
    const value = JSON.parse(readFileSync(path, "utf8")) as { versions?: unknown; channels?: object };
    const ids = keysOf(value.versions);
    return {
      ids,
      versions: ids.map((id) => id.slice(id.indexOf("@") + 1, id.lastIndexOf("-"))),
      channels: Object.values(value.channels ?? {}).flatMap(keysOf),
    };
  } catch {
    return { ids: [], versions: [], channels: [] };
  }
}

function byVersion(a: string, b: string): number {
  return b.localeCompare(a, "en", { numeric: true });
}

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)];

/** The values of a source below a root. The manifest is read only for what stands in it. */
export function knownValues(
  root: string,
  source: Exclude<ValueSource, readonly string[] | "files">,
): readonly string[] {
  const templates = (): readonly string[] =>
    foldersIn(join(root, "templates"))
      .filter((name) => existsSync(join(root, "templates", name, "template.toml")))
      .sort();
  if (source === "templates") return templates();
  const names = manifestNames(join(root, "dockerfiles/manifest.json"));
  if (source === "channels") return unique(names.channels).toSorted();
  if (source === "ids") return names.ids.toSorted(byVersion);
  if (source === "refs")
    return unique([...names.channels.toSorted(), ...names.versions.toSorted(byVersion), ...names.ids]);
  const locked = templates().flatMap((template) => foldersIn(join(root, "dockerfiles", template)));
  return unique([...names.versions, ...locked].sort(byVersion));
}

/** The root that a command line is about: its --root, else the environment's, else the folder the shell is in. */
export function rootOf(
  lineWords: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string {
  const at = lineWords.lastIndexOf("--root");
  const given = lineWords.findLast((word) => word.startsWith("--root="))?.slice("--root=".length);
  const chosen = (at >= 0 ? lineWords[at + 1] : given) ?? env["MESA_TEMPLATE_ROOT"];
  return resolve(
    chosen === undefined || chosen === "" ? "." : chosen.replace(/^~(?=\/)/u, env["HOME"] ?? "~"),
  );
}
