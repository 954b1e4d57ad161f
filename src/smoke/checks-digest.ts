import { digestOf, sha256 } from "../support/text/digest";
import { Failure } from "../support/errors";
import { readIfPresent } from "../support/files/files";

/** Increase whenever the built-in checks prove something else: older results then no longer count. */
const BUILT_IN_REVISION = 2;

/**
 * Digest of the checks behind a report: the built-in ones, and the content of every test file, wherever it is and whatever its line breaks are.
 * @param files paths by kind of test file
 * @throws Failure CHECKS_MISSING (exit 2)
 */
export async function checksDigest(files: Readonly<Record<string, readonly string[]>>): Promise<string> {
  const used = await Promise.all(
    Object.entries(files).flatMap(([kind, paths]) =>
      paths.map(async (path) => {
        const bytes = await readIfPresent(path);
        if (bytes === undefined) throw missingTestFile(kind, path);
        return `${kind} ${sha256(bytes.toString("utf8").replaceAll("\r\n", "\n"))}`;
      }),
    ),
  );
  return digestOf(JSON.stringify([BUILT_IN_REVISION, [...new Set(used)].sort()]));
}

/** A test file that is not there, by its kind. */
export function missingTestFile(kind: string, path: string): Failure {
  return kind === "checks"
    ? new Failure({
        code: "CHECKS_MISSING",
        kind: "usage",
        message: `There is no test file ${path}.`,
        hint: "Check the path given with --checks.",
      })
    : new Failure({
        code: "STRUCTURE_TESTS_MISSING",
        kind: "usage",
        message: `There is no test file ${path}.`,
        hint: "Give --structure-tests the path of a container-structure-test file.",
      });
}
