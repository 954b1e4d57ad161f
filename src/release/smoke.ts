import { refuseUnfitCredential } from "../mesa/access";
import type { SmokeReport } from "../smoke/report";
import type { Host } from "../support/host";
import { lockedAndRendered } from "./prepare";
import type { BuildStage, LockStage, Stages } from "./stages";
import { testFilesOf, type TestFilesAsked } from "./test-files";

export type SmokeRequest = LockStage & BuildStage & TestFilesAsked & { readonly relock: boolean };

/**
 * Builds a version if necessary, and runs its checks in a local container. Records nothing.
 * @returns the report, failed checks included
 * @throws Failure of the earlier stages; MESA_CREDENTIAL_UNFIT (exit 3) before the build
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
