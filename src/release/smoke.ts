import { refuseUnfitCredential } from "../mesa/access";
import type { SmokeReport } from "../smoke/report";
import type { Host } from "../support/host";
import { lockedAndRendered } from "./prepare";
import type { BuildStage, LockStage, Stages } from "./stages";
import { testFilesOf, type TestFilesAsked } from "./test-files";

export type SmokeRequest = LockStage & BuildStage & TestFilesAsked & { readonly relock: boolean };

/**
 * Builds a version where it is not built, and runs its checks in a local container. Nothing is recorded.
 * @returns the report; a check that failed is in it
 * @throws Failure of the stages before; MESA_CREDENTIAL_UNFIT (exit 3) before the build
 */
export async function smokeVersion(
  host: Host,
  request: SmokeRequest,
  stages: Pick<Stages, "checkTestFiles" | "lock" | "build" | "smoke">,
): Promise<SmokeReport> {
  const { template, version } = request;
  const progress = (message: string): void => {
    host.emit({ type: "stage-progress", template, stage: "smoke", message });
  };
  const files = testFilesOf(request, template);
  await stages.checkTestFiles(host, files);
  const rendered = await lockedAndRendered(host, request, stages);
  refuseUnfitCredential(host.env, version);
  const { image } = await stages.build(host, rendered, request, progress);
  return stages.smoke(host, rendered, image, files, progress);
}
