import { parseControl } from "../apt/deb822";
import type { Engine } from "../docker/index";
import { APK_INSTALLED, DPKG_STATUS, OS_RELEASE, type HeldFile } from "../docker/saved-image/index";
import type { MeasuredFile, Package } from "./record";

/** The content of an image, as a container starts with it. */
export interface MeasuredImage {
  readonly files: readonly MeasuredFile[];
  readonly packages: readonly Package[];
  readonly distribution: string;
}

/** Paths that an engine puts into every container, hiding those of the image. */
const ENGINES_OWN =
  /^\/(?:\.dockerenv|run\/\.containerenv|etc\/(?:hosts|hostname|resolv\.conf|mtab)|(?:dev|proc|sys)(?:\/.*)?)$/u;

/**
 * Every path of an image with kind, mode, owner, size and hash, and its package database. Reads the layers, which is free if this run has
 * read them before. Throws what the engine throws.
 */
export async function measureImage(
  engine: Engine,
  image: { readonly id: string; readonly reference: string },
): Promise<MeasuredImage> {
  const { files } = await engine.readImage(image);
  const textOf = (path: string): string => files.get(path)?.text ?? "";
  return {
    files: [...files.values()].filter(({ path }) => !ENGINES_OWN.test(path)).map(withoutText),
    packages: [...dpkgPackages(textOf(DPKG_STATUS)), ...apkPackages(textOf(APK_INSTALLED))],
    distribution: prettyName(OS_RELEASE.map(textOf).find((text) => text !== "") ?? ""),
  };
}

function withoutText({ path, kind, mode, uid, gid, sizeBytes, content }: HeldFile): MeasuredFile {
  return { path, kind, mode, uid, gid, sizeBytes, content };
}

function prettyName(osRelease: string): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/mu.exec(osRelease)?.[1] ?? "";
}

/** Installed packages in dpkg's status file, sorted by name. Ignores removed ones whose configuration remains. */
function dpkgPackages(status: string): readonly Package[] {
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
function apkPackages(installed: string): readonly Package[] {
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
