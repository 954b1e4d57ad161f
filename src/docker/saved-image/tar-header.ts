/** One entry of a tar. */
export interface TarEntry {
  readonly name: string;
  /** "other": devices, pipes, and unknown types. */
  readonly type: "file" | "link" | "symlink" | "directory" | "other";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** How many bytes follow. */
  readonly size: number;
  readonly linkname: string;
}

/** Values for the next entry that do not fit into its own header: pax records and GNU's long names. */
export type Extension = Readonly<Record<string, string>>;

/** A header block: an entry, the start of an extension, or the zeros at the end. */
export type Header =
  | { readonly is: "entry"; readonly entry: TarEntry }
  | { readonly is: "extension"; readonly flag: ExtensionFlag; readonly size: number }
  | { readonly is: "nothing" };

const FLAGS = { x: "pax", g: "pax-global", L: "name", K: "linkname" } as const;
export type ExtensionFlag = (typeof FLAGS)[keyof typeof FLAGS];

const TYPES: Readonly<Record<string, TarEntry["type"]>> = {
  "\0": "file",
  "0": "file",
  "7": "file",
  "1": "link",
  "2": "symlink",
  "5": "directory",
};

/** No bytes follow these types, whatever their size field says: engines read them so (Go, archive/tar, isHeaderOnly). */
const HEADER_ONLY = "123456";

/**
 * Reads a header block of 512 bytes (POSIX ustar and pax, GNU).
 * @param extension the extension that precedes this entry
 * @throws Error if the checksum is wrong
 */
export function readHeader(block: Buffer, extension: Extension): Header {
  const sum = checksum(block);
  if (sum === 8 * 0x20) return { is: "nothing" };
  if (sum !== numberAt(block, 148, 8)) throw new Error("a header of the tar has a wrong checksum");
  const letter = String.fromCharCode(block[156] ?? 0);
  const size = Number(extension["size"] ?? numberAt(block, 124, 12));
  if (isExtension(letter)) return { is: "extension", flag: FLAGS[letter], size };
  const name = extension["path"] ?? nameIn(block);
  const kind = TYPES[letter] ?? "other";
  const type = kind === "file" && name.endsWith("/") ? "directory" : kind;
  return {
    is: "entry",
    entry: {
      name,
      type,
      mode: numberAt(block, 100, 8) & 0o7777,
      uid: Number(extension["uid"] ?? numberAt(block, 108, 8)),
      gid: Number(extension["gid"] ?? numberAt(block, 116, 8)),
      size: type === "directory" || HEADER_ONLY.includes(letter) ? 0 : size,
      linkname: extension["linkpath"] ?? textAt(block, 157, 100),
    },
  };
}

/** The values of an extension for the next entry. Skips global ones, which are not needed. */
export function readExtension(flag: ExtensionFlag, bytes: Buffer): Extension {
  if (flag === "name") return { path: textAt(bytes, 0, bytes.length) };
  if (flag === "linkname") return { linkpath: textAt(bytes, 0, bytes.length) };
  return flag === "pax" ? paxRecords(bytes) : {};
}

/** Records "LENGTH KEY=VALUE\n"; the length includes itself. */
function paxRecords(bytes: Buffer): Extension {
  const records: Record<string, string> = {};
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(" ", at);
    const length = Number(bytes.toString("latin1", at, blank));
    const equals = bytes.indexOf("=", blank);
    if (!(length > 0) || equals < 0) break;
    records[bytes.toString("utf8", blank + 1, equals)] = bytes.toString("utf8", equals + 1, at + length - 1);
    at += length;
  }
  return records;
}

function isExtension(letter: string): letter is keyof typeof FLAGS {
  return letter in FLAGS;
}

/** The sum of all bytes, with the checksum field counted as blanks. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < 148; at += 1) sum += block[at] ?? 0;
  for (let at = 156; at < 512; at += 1) sum += block[at] ?? 0;
  return sum;
}

function nameIn(block: Buffer): string {
  const name = textAt(block, 0, 100);
  // POSIX has a prefix here; GNU, whose magic ends with a blank, has other fields.
  return block[345] !== 0 && block[262] === 0 ? `${textAt(block, 345, 155)}/${name}` : name;
}

function textAt(bytes: Buffer, start: number, length: number): string {
  const zero = bytes.indexOf(0, start);
  const end = zero < 0 || zero > start + length ? start + length : zero;
  return bytes.toString("utf8", start, end);
}

/** Octal digits with blanks or zeros around them; with the first bit set, a binary number (GNU). */
function numberAt(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0;
  let value = 0;
  if ((first & 0x80) !== 0) {
    for (let at = start + 1; at < start + length; at += 1) value = value * 256 + (block[at] ?? 0);
    return value;
  }
  for (let at = start; at < start + length; at += 1) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit >= 0 && digit < 8) value = value * 8 + digit;
    else if (value > 0) break;
  }
  return value;
}
