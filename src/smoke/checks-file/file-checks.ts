import type { Host } from "../../support/host";
import type { Check, CheckVerdict, ImageAtRest, ImageContext } from "../check";
import { entryScript, judgeFile, seenAtRest, seenInSandbox, textsAsked } from "./file";
import { judgeHistory, judgeImage, judgeSize } from "./image";
import { runOnSubject } from "./on-subject";
import type { ChecksFile } from "./parse";

/**
 * The checks of a file: the same in a local container and in a deployed sandbox, except that the latter has none on history, size and image
 * configuration. The author's hint precedes ours.
 */
export function fileChecks(host: Host, file: ChecksFile): readonly Check<ImageContext>[] {
  return file.entries.map(({ entry, line }) => {
    const base = { name: entry.name, place: { file: file.path, line } };
    const hinted = (verdict: CheckVerdict): CheckVerdict =>
      verdict.outcome === "failed" && entry.hint !== undefined ? { ...verdict, hint: entry.hint } : verdict;
    const atRest = (judge: (image: ImageAtRest) => Promise<CheckVerdict>) =>
      ({ ...base, needs: "image", run: async (image: ImageAtRest) => hinted(await judge(image)) }) as const;
    if ("history" in entry) return atRest(async (image) => judgeHistory(entry, await image.contents()));
    if ("size" in entry) return atRest(async (image) => judgeSize(entry, await image.contents()));
    if ("image" in entry) return atRest(({ config }) => Promise.resolve(judgeImage(entry, config)));
    if ("file" in entry)
      return {
        ...atRest(async (image) => judgeFile(entry, await seenAtRest(entry, image))),
        inSandbox: {
          ...base,
          needs: "shell",
          script: entryScript(entry),
          judge: (result) => hinted(judgeFile(entry, seenInSandbox(result))),
        },
      };
    return {
      ...base,
      needs: "subject",
      skip: ({ missingDevices }) =>
        (entry.devices ?? []).map((device) => missingDevices[device]).find((why) => why !== undefined),
      run: async (subject) => hinted(await runOnSubject(host, entry, subject)),
    };
  });
}

/** What the checks of some files need besides a subject. */
export interface Needs {
  /** TCP ports that are requested from outside. */
  readonly ports: readonly number[];
  readonly devices: readonly string[];
  /** Absolute paths of an image at rest whose text is asked for. */
  readonly texts: readonly string[];
}

export function needsOf(files: readonly ChecksFile[]): Needs {
  const entries = files.flatMap((file) => file.entries.map(({ entry }) => entry));
  return {
    ports: entries.flatMap((entry) => ("http" in entry ? (entry.http.port ?? []) : [])),
    devices: entries.flatMap((entry) => ("devices" in entry ? (entry.devices ?? []) : [])),
    texts: entries.flatMap((entry) => ("file" in entry ? textsAsked(entry) : [])),
  };
}
