import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { extract } from "tar-stream";
import { messageOf, refusal } from "../support/errors";
import { parseControl, type Paragraph } from "./deb822";
import { decompress, type Compression } from "./decompress";

/** Fields of a .deb's control file. */
export type DebControl = Readonly<ReturnType<typeof debControl>>;

/** Larger than any real control archive. */
const CONTROL_LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * Reads the control file of a .deb (deb(5): an ar archive of debian-binary, control.tar.* and data.tar.*). Refuses anything else
 * (DEB_UNREADABLE).
 */
export async function readDebControl(deb: Uint8Array, name: string): Promise<DebControl> {
  try {
    const { file, compression } = controlArchive(deb);
    const tar = await decompress(file, compression, CONTROL_LIMIT_BYTES);
    const [paragraph, ...more] = parseControl(await controlText(tar));
    if (paragraph === undefined || more.length > 0) throw new Error("its control file is not one paragraph");
    return debControl(paragraph);
  } catch (error) {
    throw refusal(
      "DEB_UNREADABLE",
      `The Debian package ${name} cannot be read: ${messageOf(error)}.`,
      undefined,
      error,
    );
  }
}

/** The fields of a package's paragraph, in a control file or in Packages. */
export function debControl(paragraph: Paragraph) {
  const field = (name: string): string => {
    const value = paragraph.get(name);
    if (value === undefined || value === "") throw new Error(`it has no field ${name}`);
    return value;
  };
  return {
    package: field("package"),
    version: field("version"),
    architecture: field("architecture"),
    /** In one line; "" if absent. */
    depends: (paragraph.get("depends") ?? "").replace(/\s+/gu, " ").trim(),
  };
}

function controlArchive(deb: Uint8Array): { readonly file: Uint8Array; readonly compression: Compression } {
  const members = arMembers(deb);
  const format = members.get("debian-binary");
  if (format === undefined || !/^2\.\d+\n/u.test(Buffer.from(format).toString("latin1")))
    throw new Error("its format is not 2.x");
  for (const compression of ["", ".gz", ".xz", ".zst"] as const) {
    const file = members.get(`control.tar${compression}`);
    if (file !== undefined) return { file, compression };
  }
  throw new Error("it has no control.tar");
}

/** The members of an ar archive by name (common format: 60-byte headers, data padded to even offsets). */
function arMembers(archive: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  if (bytes.toString("latin1", 0, 8) !== "!<arch>\n") throw new Error("it is not an ar archive");
  const members = new Map<string, Uint8Array>();
  let at = 8;
  while (at + 60 <= bytes.length) {
    const header = bytes.toString("latin1", at, at + 60);
    const size = header.slice(48, 58).trim();
    if (!header.endsWith("`\n") || !/^\d+$/u.test(size))
      throw new Error(`its ar archive is damaged at byte ${String(at)}`);
    const end = at + 60 + Number(size);
    if (end > bytes.length) throw new Error("its ar archive is cut short");
    const name = header.slice(0, 16).trim().replace(/\/$/u, "");
    if (members.has(name)) throw new Error(`its ar archive has two members ${name}`);
    members.set(name, bytes.subarray(at + 60, end));
    at = end + (Number(size) % 2);
  }
  return members;
}

async function controlText(tar: Uint8Array): Promise<string> {
  const entries = Readable.from([Buffer.from(tar)]).pipe(extract());
  for await (const entry of entries) {
    if (entry.header.name.replace(/^\.\//u, "") === "control" && entry.header.type === "file")
      return await text(entry);
    entry.resume();
  }
  throw new Error("its control.tar has no control file");
}
