import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TestFiles } from "../smoke/index";
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
