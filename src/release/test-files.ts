import { existsSync } from "node:fs";
import { join } from "node:path";
import { checksDigest } from "../smoke/checks-digest";
import type { TestFiles } from "../smoke/index";
import { Failure } from "../support/errors";
import type { ReleaseRequest } from "./request";
import { paths } from "../support/paths";

/** What of a request says which test files there are. */
export type TestFilesAsked = Pick<ReleaseRequest, "root" | "structureTests" | "checks">;

/** The test files of a template: its own, and those that were asked for besides. */
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
 * The report of checks that stayed what their digest says while they ran: what was proven with others is not recorded under it.
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
