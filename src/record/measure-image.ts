import type { Engine } from "../docker/index";
import { APK_INSTALLED, DPKG_STATUS, OS_RELEASE, readImage } from "../docker/saved-image/index";
import type { Host } from "../support/host";
import { apkPackages, dpkgPackages } from "./packages";
import type { MeasuredFile, Package } from "./record";

/** What a container of an image has before it runs. */
export interface MeasuredImage {
  readonly files: readonly MeasuredFile[];
  readonly packages: readonly Package[];
  readonly distribution: string;
}

/** Paths that an engine puts into every container: what an image has there is never seen. */
const ENGINES_OWN =
  /^\/(?:\.dockerenv|run\/\.containerenv|etc\/(?:hosts|hostname|resolv\.conf|mtab)|(?:dev|proc|sys)(?:\/.*)?)$/u;

/**
 * Every path of an image: kind, mode, owner, size and hash, and the package database among them. Read from its layers, at no cost
 * where this run has read them before. Throws what the engine throws.
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
