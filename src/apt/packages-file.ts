import { messageOf, refusal } from "../support/errors";
import { debControl, type DebControl } from "./deb-file";
import { eachParagraph, type Paragraph } from "./deb822";
import { compareDebianVersions, mesaVersionOf } from "./debian-version";

/** A package in the repository's index. */
export interface ListedPackage extends DebControl {
  /** Path below the repository. */
  readonly filename: string;
  readonly size: number;
  readonly sha256: string;
}

/** The packages of one name for amd64 in a Packages file. Refuses a malformed file (INDEX_MALFORMED). */
export function parsePackages(text: string, name: string): readonly ListedPackage[] {
  try {
    const found: ListedPackage[] = [];
    for (const paragraph of eachParagraph(text)) {
      if (paragraph.get("package") === name && paragraph.get("architecture") === "amd64")
        found.push(listedPackage(paragraph));
    }
    return found;
  } catch (error) {
    throw refusal(
      "INDEX_MALFORMED",
      `The repository's list of packages cannot be read: ${messageOf(error)}.`,
      undefined,
      error,
    );
  }
}

function listedPackage(paragraph: Paragraph): ListedPackage {
  const control = debControl(paragraph);
  const filename = (paragraph.get("filename") ?? "").replace(/^\.\//u, "");
  const sha256 = (paragraph.get("sha256") ?? "").toLowerCase();
  const size = paragraph.get("size") ?? "";
  const what = `${control.package} ${control.version}`;
  if (!/^[0-9a-f]{64}$/u.test(sha256)) throw new Error(`${what} has no SHA256`);
  if (!/^\d+$/u.test(size)) throw new Error(`${what} has no Size`);
  if (
    !/^[A-Za-z0-9._~+:%@/-]+$/u.test(filename) ||
    filename.startsWith("/") ||
    // An address with any of these leads elsewhere than its text says (WHATWG URL).
    /(?:^|\/)\.{1,2}(?:\/|$)|%2[ef]|%5c/iu.test(filename)
  ) {
    throw new Error(
      `${what} has the Filename ${JSON.stringify(filename)}, which is not a path below the repository`,
    );
  }
  return { ...control, filename, sha256, size: Number(size) };
}

/** The newest package (in Debian's order) of a Mesa version; undefined if there is none. */
export function packageFor(
  packages: readonly ListedPackage[],
  mesaVersion: string,
): ListedPackage | undefined {
  return packages
    .filter((each) => mesaVersionOf(each.version) === mesaVersion)
    .sort((a, b) => compareDebianVersions(b.version, a.version))[0];
}

/** The Mesa versions of a list of packages, oldest first, without duplicates. */
export function mesaVersionsIn(packages: readonly ListedPackage[]): readonly string[] {
  const versions = [...packages]
    .sort((a, b) => compareDebianVersions(a.version, b.version))
    .map(({ version }) => mesaVersionOf(version));
  return [...new Set(versions)];
}
