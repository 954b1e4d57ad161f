import type { Manifest, ManifestEntry } from "../manifest/entry";
import { nextRevision } from "../manifest/versions/next-revision";
import { versionId } from "../manifest/entry";
import { keptDeployment, keptFiles, keptProof } from "./kept-stages";
import { isImage } from "./kept-values";
import type { ReleaseRequest } from "./request";
import { readResult } from "./stage-results";
import { hasReached } from "./up-to-date";
import type { Paths } from "../support/paths";

/** What a release would do with one template, and why. */
export interface TemplatePlan {
  readonly template: string;
  readonly id: string | null;
  readonly upToDate: boolean;
  readonly steps: readonly Step[];
}

interface Step {
  readonly stage: string;
  readonly would: "run" | "reuse" | "skip";
  readonly why: string;
}

/**
 * The plan of one template.
 * @param inputsDigest what the template renders to now; undefined when there is no lock yet, so that it cannot be known.
 */
export async function planTemplate(
  request: ReleaseRequest,
  folders: Paths,
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
  const files = await keptFiles(request, folders, template, inputsDigest);
  const [image, proof, deployment] = await Promise.all([
    readResult(files.build),
    keptProof(request, files),
    keptDeployment(request, files, next.entry),
  ]);
  const why = request.force ? "--force" : reason(template, next.entry, id);
  const built = !request.force && isImage(image);
  return {
    template,
    id,
    upToDate: false,
    steps: [
      ...lockAndRender,
      built
        ? { stage: "build", would: "reuse", why: "built by an earlier run" }
        : { stage: "build", would: "run", why },
      proof === undefined
        ? { stage: "smoke", would: "run", why }
        : { stage: "smoke", would: "reuse", why: "passed in an earlier run" },
      ...deploySteps(request, why, deployment?.image),
    ],
  };
}

function reason(template: string, entry: ManifestEntry | undefined, id: string): string {
  return entry === undefined
    ? `no ${template} version with this inputs digest yet`
    : `${id} is ${entry.status}`;
}

function deploySteps(request: ReleaseRequest, why: string, standing?: string): TemplatePlan["steps"] {
  const deploy: Step = !request.deploy
    ? { stage: "deploy", would: "skip", why: "--no-deploy" }
    : standing === undefined
      ? { stage: "deploy", would: "run", why }
      : { stage: "deploy", would: "reuse", why: `${standing} stands` };
  const verify: Step =
    request.deploy && request.verify
      ? { stage: "verify", would: "run", why: "what was deployed is checked again" }
      : { stage: "verify", would: "skip", why: request.deploy ? "--no-verify" : "--no-deploy" };
  return [deploy, verify, { stage: "record", would: "run", why: "the manifest entry is written last" }];
}
