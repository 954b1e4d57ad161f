import { createHash, hash, type Hash } from "node:crypto";
import { searcher } from "./searcher";
import type { TarEntry } from "./tar-header";
import { tarReader } from "./tar-reader";

/** Files whose text is kept: the databases of installed packages and the distribution's name. */
export const DPKG_STATUS = "var/lib/dpkg/status";
export const APK_INSTALLED = "lib/apk/db/installed";
export const OS_RELEASE = ["etc/os-release", "usr/lib/os-release"] as const;
const KEPT: readonly string[] = [DPKG_STATUS, APK_INSTALLED, ...OS_RELEASE];

/** One entry of a layer: a path that it adds or replaces, or a whiteout that hides one of a lower layer. */
export interface LayerEntry extends Omit<TarEntry, "name"> {
  /** Without leading or trailing slash; "" is the root. */
  readonly path: string;
  /** First 16 hex digits of a file's sha256, otherwise "". */
  readonly hash: string;
  /** Whether its bytes contain one of the searched values. */
  readonly holds: boolean;
  readonly text?: string;
}

/** Reads a layer from the bytes of its tar. */
export interface LayerReader {
  take(chunk: Buffer): void;
  /** All entries in the tar's order. @throws Error if the tar is incomplete */
  finish(): readonly LayerEntry[];
}

/** Reads a layer: its paths, the files' hashes, and whether they contain one of these values. */
export function layerReader(values: readonly Buffer[]): LayerReader {
  const tar = tarReader();
  const entries: LayerEntry[] = [];
  let body = bodyOf({ type: "other", size: 0 }, "", values);
  let entry: Omit<LayerEntry, "hash" | "holds"> | undefined;
  return {
    take(chunk) {
      for (const part of tar.read(chunk)) {
        if (part.is === "entry") {
          const { name, ...rest } = part.entry;
          entry = { ...rest, path: pathOf(name) };
          body = bodyOf(entry, entry.path, values);
        } else if (part.is === "bytes") body.take(part.bytes);
        else if (entry !== undefined) entries.push({ ...entry, ...body.end() });
      }
    },
    finish() {
      tar.finish();
      return entries;
    },
  };
}

/** A tar's name as a path: "./a//b/" is "a/b". */
function pathOf(name: string): string {
  const plain = name.replace(/^(?:\.?\/)+/u, "").replace(/\/+$/u, "");
  if (plain === ".") return "";
  return /\/\.?\//u.test(plain)
    ? plain
        .split("/")
        .filter((part) => part !== "" && part !== ".")
        .join("/")
    : plain;
}

interface Body {
  take(bytes: Buffer): void;
  end(): Pick<LayerEntry, "hash" | "holds" | "text">;
}

function bodyOf(
  { type, size }: Pick<TarEntry, "type" | "size">,
  path: string,
  values: readonly Buffer[],
): Body {
  const search = searcher(values);
  const isKept = KEPT.includes(path);
  const kept: Buffer[] = [];
  let whole: string | undefined;
  let inPieces: Hash | undefined;
  return {
    take(bytes) {
      search.take(bytes);
      if (isKept) kept.push(bytes);
      if (type !== "file") return;
      if (bytes.length === size) whole = hash("sha256", bytes);
      else (inPieces ??= createHash("sha256")).update(bytes);
    },
    end() {
      const digest = type === "file" ? (whole ?? inPieces?.digest("hex") ?? hash("sha256", "")) : "";
      return {
        hash: digest.slice(0, 16),
        holds: search.found(),
        ...(kept.length === 0 ? {} : { text: Buffer.concat(kept).toString("utf8") }),
      };
    },
  };
}
