import { rm } from "node:fs/promises";
import * as z from "zod/mini";
import { canonicalJson } from "../support/canonical-json";
import { readIfPresent, writeAtomically } from "../support/files";

/** What is remembered of an upload under way. */
const schema = z.object({
  sandbox: z.string(),
  workspace: z.string(),
  inputsDigest: z.string(),
  startedAt: z.number(),
  /** Whether bl had finished: before that the upload may be missing. */
  uploaded: z.boolean(),
  before: z.nullable(z.object({ status: z.string(), image: z.string() })),
  tagsBefore: z.array(z.object({ name: z.string(), createdAt: z.string() })),
});

export type Pending = z.infer<typeof schema>;

/** The upload that an earlier run left under way, or undefined (a damaged file counts as none: the deploy is sent again). */
export async function readPending(path: string): Promise<Pending | undefined> {
  const data = await readIfPresent(path);
  if (data === undefined) return undefined;
  try {
    const parsed = schema.safeParse(JSON.parse(data.toString("utf8")));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

export async function keepPending(path: string, pending: Pending): Promise<void> {
  await writeAtomically(path, canonicalJson(pending));
}

export async function forgetPending(path: string): Promise<void> {
  await rm(path, { force: true });
}
