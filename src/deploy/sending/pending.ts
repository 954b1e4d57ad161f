import { rm } from "node:fs/promises";
import * as z from "zod/mini";
import type { ImageTag, SandboxState } from "../../blaxel/platform";
import { canonicalJson } from "../../support/text/canonical-json";
import { parsedJson } from "../../support/text/parsed-json";
import { readIfPresent, writeAtomically } from "../../support/files/files";
import { isMarkedByAnother } from "./ownership";
import type { DeployContext } from "../deploy-context";

/** The name of its file, as a stage result. */
export const pendingIn = (workspace = ""): string => `deploy-pending-${encodeURIComponent(workspace)}`;

/** The stored state of an upload in progress. */
const schema = z.object({
  publish: z.enum(["deploy", "push"]),
  sandbox: z.string(),
  workspace: z.string(),
  inputsDigest: z.string(),
  startedAt: z.number(),
  /** Whether bl finished; before that, the upload may be missing. */
  uploaded: z.boolean(),
  /** The sandbox, with its mark as far as Blaxel showed one. */
  before: z.nullable(z.object({ status: z.string(), image: z.string(), mark: z.optional(z.string()) })),
  tagsBefore: z.array(z.object({ name: z.string(), createdAt: z.string() })),
  /** The registry image that Blaxel imports; absent: it builds from the source. */
  reference: z.exactOptional(z.string()),
});

export type Pending = z.infer<typeof schema>;

/**
 * Sends something to Blaxel. Its state is stored before, so that a killed run can be resumed, and again when it is uploaded.
 * @param send receives what to call if it knows of the end of the upload before its own end
 */
export async function sendKept<T>(
  { host, rendered, name, workspace, publish, source, pendingFile, onSent }: DeployContext,
  facts: Pick<Pending, "before"> & { readonly tagsBefore: readonly ImageTag[] },
  send: (onUploaded: () => void) => Promise<T>,
): Promise<{ readonly pending: Pending; readonly answer: T }> {
  const { inputsDigest } = rendered;
  const pending: Pending = {
    publish,
    sandbox: name,
    workspace,
    inputsDigest,
    startedAt: host.clock.now(),
    uploaded: true,
    ...facts,
    tagsBefore: [...facts.tagsBefore],
    ...(source === undefined ? {} : { reference: source.reference }),
  };
  const keep = (uploaded: boolean): Promise<unknown> =>
    writeAtomically(pendingFile, canonicalJson({ ...pending, uploaded }));
  await keep(false);
  onSent();
  let kept: Promise<unknown> = Promise.resolve();
  const answer = await send(() => {
    kept = keep(true);
  }).finally(() => kept);
  await keep(true);
  return { pending, answer };
}

/** The unfinished upload of an earlier run. undefined without one, or if the file is damaged (then the deploy is sent again). */
export async function readPending(path: string): Promise<Pending | undefined> {
  return schema.safeParse(parsedJson(await readIfPresent(path))).data;
}

export async function forgetPending(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** An earlier run's upload of the same inputs, in the same way, to the same place. */
export async function earlierPending(work: DeployContext): Promise<Pending | undefined> {
  const pending = await readPending(work.pendingFile);
  return pending?.publish === work.publish &&
    pending.sandbox === work.name &&
    pending.workspace === work.workspace &&
    pending.reference === work.source?.reference &&
    pending.inputsDigest === work.rendered.inputsDigest
    ? pending
    : undefined;
}

/**
 * Whether the platform still shows the upload of an earlier run, running or finished: a sandbox without the mark may be another's. UPLOADING
 * counts only if bl had finished; otherwise the upload may never arrive.
 */
export function isStillShown(
  pending: Pending,
  rendered: DeployContext["rendered"],
  now: SandboxState | undefined,
): boolean {
  if (now === undefined || isMarkedByAnother(now.envs, rendered, true)) return false;
  if (now.status === "UPLOADING") return pending.uploaded;
  if (now.status === "BUILDING" || now.status === "DEPLOYING")
    return pending.uploaded || pending.before?.status !== now.status;
  return now.status === "DEPLOYED" && (pending.before === null || now.image !== pending.before.image);
}
