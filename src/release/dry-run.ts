import type { Manifest } from "../manifest/entry";
import { nextRevision } from "../manifest/next-revision";
import { versionId } from "../manifest/entry";
import { isImage } from "./kept-values";
import type { ReleaseFolders } from "./folders";
import type { ReleaseRequest } from "./request";
import { readResult } from "./stage-results";
import { hasReached } from "./up-to-date";

/** What a release would do with one template, and why. */
export interface TemplatePlan {
  readonly template: string;
  readonly id: string | null;
  readonly upToDate: boolean;
  readonly steps: readonly {
    readonly stage: string;
    readonly would: "run" | "reuse" | "skip";
    readonly why: string;
  }[];
}

/**
 * The plan of one template.
 * @param inputsDigest what the template renders to now; undefined when there is no lock yet, so that it cannot be known.
 */
export async function planTemplate(
  request: ReleaseRequest,
  folders: ReleaseFolders,
  template: string,
  manifest: Manifest,
  inputsDigest: string | undefined,
): Promise<TemplatePlan> {
  if (inputsDigest === undefined) {
    const why = request.relock ? "--relock: inputs are resolved anew" : "there is no lock yet";
    return {
      template,
      id: null,
      upToDate: false,
      steps: [
        { stage: "lock", would: "run", why },
        { stage: "render", would: "run", why: "the lock is new" },
        { stage: "build", would: "run", why: "the inputs may have changed" },
        { stage: "smoke", would: "run", why: "a new image must be proven" },
        ...deploySteps(request, "the image is new"),
      ],
    };
  }
  const next = nextRevision(manifest, template, request.version, inputsDigest);
  const id = versionId(template, request.version, next.revision);
  const lockAndRender = [
    { stage: "lock", would: "reuse", why: "lock.json is there" },
    { stage: "render", would: "run", why: "it costs nothing and shows changed templates" },
  ] as const;
  if (next.entry !== undefined && !request.force && hasReached(next.entry, request)) {
    return {
      template,
      id,
      upToDate: true,
      steps: [
        ...lockAndRender,
        { stage: "build", would: "skip", why: `${id} is ${next.entry.status} with the same inputs digest` },
      ],
    };
  }
  const built = isImage(await readResult(folders.stageResult(template, inputsDigest, "build")));
  const why =
    next.entry === undefined
      ? `no ${template} version with this inputs digest yet`
      : `${id} is ${next.entry.status}`;
  return {
    template,
    id,
    upToDate: false,
    steps: [
      ...lockAndRender,
      {
        stage: "build",
        would: built && !request.force ? "reuse" : "run",
        why: request.force ? "--force" : built ? "built by an earlier run" : why,
      },
      { stage: "smoke", would: "run", why },
      ...deploySteps(request, why),
    ],
  };
}

function deploySteps(request: ReleaseRequest, why: string): TemplatePlan["steps"] {
  const wouldDeploy = request.deploy
    ? ({ would: "run", why } as const)
    : ({ would: "skip", why: "--no-deploy" } as const);
  const wouldVerify =
    request.deploy && request.verify
      ? ({ would: "run", why: "what was deployed is checked again" } as const)
      : ({ would: "skip", why: request.deploy ? "--no-verify" : "--no-deploy" } as const);
  return [
    { stage: "deploy", ...wouldDeploy },
    { stage: "verify", ...wouldVerify },
    { stage: "record", would: "run", why: "the manifest entry is written last" },
  ];
}
