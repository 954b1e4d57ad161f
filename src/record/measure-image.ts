import type { Engine } from "../docker/index";
import { APK_INSTALLED, DPKG_STATUS, OS_RELEASE, readImage } from "../docker/saved-image/index";
import type { Host } from "../support/host";
import { apkPackages, dpkgPackages } from "./packages";
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
  host: Host,
  engine: Engine,
  image: { readonly id: string; readonly reference: string },
): Promise<MeasuredImage> {
  const { files, texts } = (await readImage(host, engine, image)).merged;
  const osRelease = OS_RELEASE.flatMap((path) => texts.get(path) ?? [])[0] ?? "";
  return {
    files: files.filter(({ path }) => !ENGINES_OWN.test(path)),
    packages: [...dpkgPackages(texts.get(DPKG_STATUS) ?? ""), ...apkPackages(texts.get(APK_INSTALLED) ?? "")],
    distribution: prettyName(osRelease),
  };
}

function prettyName(osRelease: string): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/mu.exec(osRelease)?.[1] ?? "";
}
