import { parseControl } from "../apt/deb822";
import type { Package } from "./record";

/** Installed packages in dpkg's status file, sorted by name. Ignores removed ones whose configuration remains. */
export function dpkgPackages(status: string): readonly Package[] {
  return parseControl(status)
    .filter((paragraph) => paragraph.get("status")?.endsWith(" installed") === true)
    .map((paragraph) => ({
      manager: "dpkg" as const,
      name: paragraph.get("package") ?? "",
      version: paragraph.get("version") ?? "",
      architecture: paragraph.get("architecture") ?? "",
    }))
    .sort(byName);
}

/** Packages in apk's database (one-letter fields: P name, V version, A architecture), sorted by name. */
export function apkPackages(installed: string): readonly Package[] {
  return installed
    .split(/\n\n+/u)
    .map((record) => {
      const field = (letter: string): string =>
        new RegExp(`^${letter}:(.*)$`, "mu").exec(record)?.[1]?.trim() ?? "";
      return { manager: "apk" as const, name: field("P"), version: field("V"), architecture: field("A") };
    })
    .filter(({ name }) => name !== "")
    .sort(byName);
}

function byName(a: Package, b: Package): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.architecture < b.architecture ? -1 : 1;
}
