import { existsSync } from "node:fs";
import { join } from "node:path";
import { checksDigest } from "../../smoke/checks-digest";
import type { TestFiles } from "../../smoke/index";
import { Failure } from "../../support/errors";
import type { ReleaseRequest } from "../request";
import { paths } from "../../support/files/paths";

/** The part of a request that determines the test files. */
export type TestFilesAsked = Pick<ReleaseRequest, "root" | "structureTests" | "checks">;

/** The test files of a template: its own and the additionally requested ones. */
export function testFilesOf(request: TestFilesAsked, template: string): TestFiles {
  const own = (name: string): readonly string[] => {
    const path = join(paths(request.root).templates, template, name);
    return existsSync(path) ? [path] : [];
  };
  return {
    structureTests: [...own("structure-tests.yaml"), ...request.structureTests],
    checks: [...own("checks.yaml"), ...request.checks],
  };
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
