import { digestOf, sha256 } from "../support/text/digest";
import { readIfPresent } from "../support/files/files";

/** Increase whenever the built-in checks prove something else: older results then no longer count. */
const BUILT_IN_REVISION = 2;

/**
 * Digest of the checks behind a report: the built-in ones, and the content of every test file, wherever it is and whatever its line breaks are. A missing file gives a new
 * digest; reading it fails later with its name.
 * @param files paths by kind of test file
 */
export async function checksDigest(files: Readonly<Record<string, readonly string[]>>): Promise<string> {
  const used = await Promise.all(
    Object.entries(files).flatMap(([kind, paths]) =>
      paths.map(async (path) => {
        const bytes = await readIfPresent(path);
        return `${kind} ${bytes === undefined ? `missing ${path}` : sha256(bytes.toString("utf8").replaceAll("\r\n", "\n"))}`;
      }),
    ),
  );
  return digestOf(JSON.stringify([BUILT_IN_REVISION, [...new Set(used)].sort()]));
}
