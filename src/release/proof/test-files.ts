import { existsSync } from "node:fs";
import { join } from "node:path";
import { checksDigest } from "../../smoke/checks-digest";
import type { TestFiles } from "../../smoke/index";
import { Failure } from "../../support/errors";
import type { ChecksRun } from "./evidence";
import { paths } from "../../support/files/paths";

/** The test files of a template: its own and the additionally requested ones. */
export function testFilesOf(root: string, template: string, asked: TestFiles): TestFiles {
  const own = (name: string): readonly string[] => {
    const path = join(paths(root).template(template), name);
    return existsSync(path) ? [path] : [];
  };
  return {
    structureTests: [...own("structure-tests.yaml"), ...asked.structureTests],
    checks: [...own("checks.yaml"), ...asked.checks],
  };
}

/** The digests of the checks that are run for a template. */
export async function checksRun(root: string, template: string, asked: TestFiles): Promise<ChecksRun> {
  const digests = [asked, { structureTests: [], checks: [] }].map((files) =>
    checksDigest({ ...testFilesOf(root, template, files) }),
  );
  const [all = "", own] = await Promise.all(digests);
  return { checksDigest: all, ownChecksDigest: own === all ? undefined : own };
}

/**
 * The report, if the test files did not change while the checks ran.
 * @throws Failure CHECKS_CHANGED (exit 2)
 */
export async function reportOf<T>(files: TestFiles, digest: string, work: () => Promise<T>): Promise<T> {
  const report = await work();
  if ((await checksDigest({ ...files })) === digest) return report;
  throw new Failure({
    code: "CHECKS_CHANGED",
    kind: "usage",
    message:
      "A test file changed while its checks ran, so the result is valid for neither version of the file.",
    hint: "Run the command again.",
  });
}
