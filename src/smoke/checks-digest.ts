import { digestOf, sha256 } from "../support/digest";
import { readIfPresent } from "../support/files";

/** Raised with every change of what the built-in checks prove: what passed the old ones has not passed these. */
const BUILT_IN_REVISION = 2;

/**
 * What a report is a result of besides the image: the built-in checks, and the bytes of every test file, wherever it lies. A file
 * that is not there counts as one that no earlier run has used; reading it fails later, with its name.
 * @param files paths by kind of test file
 */
export async function checksDigest(files: Readonly<Record<string, readonly string[]>>): Promise<string> {
  const used = await Promise.all(
    Object.entries(files).flatMap(([kind, paths]) =>
      paths.map(async (path) => {
        const bytes = await readIfPresent(path);
        return `${kind} ${bytes === undefined ? `missing ${path}` : sha256(bytes)}`;
      }),
    ),
  );
  return digestOf(JSON.stringify([BUILT_IN_REVISION, [...new Set(used)].sort()]));
}
