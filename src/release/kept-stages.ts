import type { Image } from "../build/image";
import type { Deployment } from "../deploy/deployment";
import type { ManifestEntry } from "../manifest/entry";
import { newestDeployment } from "../manifest/versions/in-workspace";
import type { SmokeReport } from "../smoke/report";
import { sha256 } from "../support/digest";
import { readIfPresent } from "../support/files";
import { isDeployment, isImage, isSmokeReport } from "./kept-values";
import type { ReleaseRequest } from "./request";
import { forgetResult, readResult } from "./stage-results";
import { testFilesOf, type TestFilesAsked } from "./test-files";
import type { Paths } from "../support/paths";

/** The files in which one template's stages keep what they came to, for one inputs digest. */
export interface KeptFiles {
  readonly build: string;
  /** Named after the test files too: another test has to be passed first. */
  readonly smoke: string;
  readonly deployed: string;
  readonly verified: string;
}

/** What smoke depends on besides the image: the template's own test files and those given on the command line. */
async function testFilesDigest(request: TestFilesAsked, template: string): Promise<string> {
  const { structureTests, checks } = testFilesOf(request, template);
  const digests = async (paths: readonly string[]): Promise<readonly string[]> =>
    (await Promise.all(paths.map((path) => readIfPresent(path)))).map((data) =>
      data === undefined ? "-" : sha256(data),
    );
  return sha256(JSON.stringify([await digests(structureTests), await digests(checks)])).slice(0, 16);
}

/** Where the results for these inputs are kept. */
export async function keptFiles(
  request: TestFilesAsked,
  folders: Paths,
  template: string,
  inputsDigest: string,
): Promise<KeptFiles> {
  const tests = await testFilesDigest(request, template);
  const file = (name: string): string => folders.stageResult(template, inputsDigest, name);
  return {
    build: file("build"),
    smoke: file(`smoke-${tests}`),
    deployed: file("deployed"),
    verified: file("verified"),
  };
}

/** The image that was built and passed smoke before; undefined when it has to be proven (again). */
export async function keptProof(
  request: Pick<ReleaseRequest, "force" | "scan" | "allowSkipped">,
  files: KeptFiles,
): Promise<{ readonly image: Image; readonly smoke: SmokeReport } | undefined> {
  // A scan is asked of today's database: an earlier run's result does not answer it.
  if (request.force || request.scan !== undefined) return undefined;
  const [image, smoke] = await Promise.all([readResult(files.build), readResult(files.smoke)]);
  if (!isImage(image) || !isSmokeReport(smoke)) return undefined;
  const enough = smoke.failed === 0 && (smoke.skipped === 0 || request.allowSkipped);
  return enough ? { image, smoke } : undefined;
}

/** A deployment that stands already: recorded, or made by a run that was ended before it could record it. */
export async function keptDeployment(
  request: Pick<ReleaseRequest, "force">,
  files: KeptFiles,
  before: ManifestEntry | undefined,
): Promise<Deployment | undefined> {
  if (request.force) return undefined;
  const recorded = before?.status === "deployed" ? newestDeployment(before) : undefined;
  if (recorded !== undefined) return recorded;
  const kept = await readResult(files.deployed);
  return isDeployment(kept) ? kept : undefined;
}

/** A verification that an ended run could not record any more: of this very image, and nothing in it failed. */
export async function keptVerification(
  request: Pick<ReleaseRequest, "force" | "allowSkipped">,
  files: KeptFiles,
  deployment: Deployment,
): Promise<SmokeReport | undefined> {
  if (request.force) return undefined;
  const kept = await readResult(files.verified);
  if (typeof kept !== "object" || kept === null || !("image" in kept) || !("report" in kept))
    return undefined;
  const { image, report } = kept;
  if (image !== deployment.image || !isSmokeReport(report) || report.failed > 0) return undefined;
  return report.skipped === 0 || request.allowSkipped ? report : undefined;
}

/** Forgets what the manifest holds now: from here on its entry counts, not what a run has kept. */
export async function forgetRecorded(folders: Paths, entry: ManifestEntry): Promise<void> {
  for (const name of ["deployed", "verified"])
    await forgetResult(folders.stageResult(entry.template, entry.inputsDigest, name));
}
