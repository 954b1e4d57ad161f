import { createHash } from "node:crypto";
import { extract, type Header } from "tar-stream";
import type { Engine } from "../docker/index";
import { RUN_LABEL, type Host } from "../support/host";
import { APK_INSTALLED, DPKG_STATUS, apkPackages, dpkgPackages } from "./packages";
import type { MeasuredFile, Package } from "./record";

/** What an image holds, read from a container of it that never ran. */
export interface MeasuredImage {
  readonly files: readonly MeasuredFile[];
  readonly packages: readonly Package[];
  readonly distribution: string;
}

/** Paths that an engine puts into every container: they are no part of the image. */
const ENGINES_OWN =
  /^\/(?:\.dockerenv|run\/\.containerenv|etc\/(?:hosts|hostname|resolv\.conf|mtab)|(?:dev|proc|sys)(?:\/.*)?)$/u;

const KINDS: Readonly<Record<string, MeasuredFile["kind"]>> = {
  file: "file",
  link: "file",
  "contiguous-file": "file",
  directory: "directory",
  symlink: "symlink",
};

const KEPT = [DPKG_STATUS, APK_INSTALLED, "/etc/os-release", "/usr/lib/os-release"];

/**
 * Reads every path of an image: kind, mode, owner, size and hash, and the package database among them. Costs one pass over
 * the image's bytes and no start of a container. Throws what the engine throws.
 */
export async function measureImage(host: Host, engine: Engine, reference: string): Promise<MeasuredImage> {
  const container = await engine.createContainer({
    image: reference,
    labels: { [RUN_LABEL]: host.runId },
    cmd: ["true"],
  });
  try {
    const archive = await engine.fileSystem(container, host.signal);
    const files = new Map<string, MeasuredFile>();
    const kept = new Map<string, string>();
    for await (const entry of archive.pipe(extract())) {
      const path = `/${entry.header.name.replace(/^(?:\.?\/)+/u, "").replace(/\/+$/u, "")}`;
      const hash = createHash("sha256");
      const chunks: Buffer[] = [];
      for await (const chunk of entry as AsyncIterable<Buffer>) {
        hash.update(chunk);
        if (KEPT.includes(path)) chunks.push(chunk);
      }
      if (path === "/" || ENGINES_OWN.test(path)) continue;
      if (chunks.length > 0) kept.set(path, Buffer.concat(chunks).toString("utf8"));
      files.set(path, measuredFile(path, entry.header, hash.digest("hex"), files));
    }
    return {
      files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
      packages: [...dpkgPackages(kept.get(DPKG_STATUS) ?? ""), ...apkPackages(kept.get(APK_INSTALLED) ?? "")],
      distribution: prettyName(kept.get("/etc/os-release") ?? kept.get("/usr/lib/os-release") ?? ""),
    };
  } finally {
    await engine.removeContainer(container);
  }
}

function measuredFile(
  path: string,
  { type, mode, uid, gid, size, linkname }: Header,
  hash: string,
  before: ReadonlyMap<string, MeasuredFile>,
): MeasuredFile {
  const kind = KINDS[type] ?? "other";
  const own = { path, kind, mode: mode & 0o7777, uid, gid };
  // A hard link's bytes stand where its first name is.
  const first = type === "link" ? before.get(`/${linkname.replace(/^(?:\.?\/)+/u, "")}`) : undefined;
  if (first !== undefined) return { ...own, sizeBytes: first.sizeBytes, content: first.content };
  if (kind === "symlink") return { ...own, sizeBytes: 0, content: linkname };
  return kind === "file"
    ? { ...own, sizeBytes: size, content: hash.slice(0, 16) }
    : { ...own, sizeBytes: 0, content: "" };
}

function prettyName(osRelease: string): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/mu.exec(osRelease)?.[1] ?? "";
}
