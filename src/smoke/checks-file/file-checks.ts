import type { Host } from "../../support/host";
import { messageOf, Failure } from "../../support/errors";
import type { Check, CheckVerdict, ImageAtRest, ImageContext, Subject } from "../check";
import { quoted } from "../../support/text/quoted";
import { withTimeLimit } from "../../support/processes/time-limit";
import { listeningPorts, TCP_TABLES } from "../checks/listening-ports";
import {
  judgeAnswer,
  judgeCommandCheck,
  judgeFile,
  judgeHistory,
  judgeImage,
  judgeListening,
  judgeNoAnswer,
  judgeSize,
} from "./judge";
import { unmet } from "./expectations";
import { entryScript, seenAtRest, seenInSandbox, textsAsked } from "./file-seen";
import { limitedCommand, startService } from "./commands";
import type { ChecksFile } from "./parse";
import type {
  CheckEntry,
  CommandEntry,
  HistoryEntry,
  HttpEntry,
  ImageEntry,
  ListeningEntry,
  SizeEntry,
} from "./schema";
import { untilPassed } from "./until-passed";

type OnSubject = CommandEntry | HttpEntry | ListeningEntry;

/** Ports that Blaxel reserves. 8080, the sandbox API's, can be requested like any other. */
const NOT_ROUTED = new Set([80, 443]);

/**
 * The checks of a file: the same in a local container and in a deployed sandbox, except that the latter has none on history, size and image
 * configuration.
 */
export function fileChecks(host: Host, file: ChecksFile): readonly Check<ImageContext>[] {
  return file.entries.map((placed) => {
    const base = { name: placed.entry.name, place: { file: file.path, line: placed.line } };
    const { entry } = placed;
    if ("history" in entry || "size" in entry || "image" in entry)
      return {
        ...base,
        needs: "image",
        run: async (image) => hinted(entry, await judgeAtRest(entry, image)),
      };
    if ("file" in entry)
      return {
        ...base,
        needs: "image",
        run: async (image) => hinted(entry, judgeFile(entry, await seenAtRest(entry, image))),
        inSandbox: {
          ...base,
          needs: "shell",
          script: () => entryScript(entry),
          judge: (result) => hinted(entry, judgeFile(entry, seenInSandbox(result))),
        },
      };
    return {
      ...base,
      needs: "subject",
      skip: ({ missingDevices }) =>
        (entry.devices ?? []).map((device) => missingDevices[device]).find((why) => why !== undefined),
      run: (subject, context) => runOnSubject(host, entry, subject, context),
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

async function judgeAtRest(
  entry: HistoryEntry | SizeEntry | ImageEntry,
  image: ImageAtRest,
): Promise<CheckVerdict> {
  if ("image" in entry) return judgeImage(entry, image.config);
  const { history, sizeBytes } = await image.contents();
  return "size" in entry
    ? judgeSize(entry, sizeBytes)
    : judgeHistory(
        entry,
        history.map(({ createdBy }) => createdBy),
      );
}

/** The author's hint precedes ours. */
function hinted(entry: CheckEntry, verdict: CheckVerdict): CheckVerdict {
  return verdict.outcome === "passed" || entry.hint === undefined
    ? verdict
    : { ...verdict, hint: entry.hint };
}

async function runOnSubject(
  host: Host,
  entry: OnSubject,
  subject: Subject,
  { signal }: ImageContext,
): Promise<CheckVerdict> {
  const why = await whyNotHere(entry, subject);
  if (why !== undefined) return { outcome: "skipped", seen: why };
  try {
    const verdict = (): Promise<CheckVerdict> =>
      untilPassed(host.clock, signal, entry, (answerMs) => attemptOf(entry, subject, signal, answerMs));
    if (entry.start === undefined) return hinted(entry, await verdict());
    const service = await startService(subject, entry.start, entry);
    const found = await verdict().catch(async (error: unknown) => {
      await service.stop();
      throw error;
    });
    const output = await service.stop();
    return hinted(
      entry,
      found.outcome === "passed"
        ? found
        : {
            ...found,
            seen: `${found.seen ?? ""}; the service ${output === "" ? "printed nothing" : `printed: ${output}`}`,
          },
    );
  } catch (error) {
    signal.throwIfAborted();
    // The engine's refusal concerns this check (no such user, no such folder); a lost engine concerns all.
    if (error instanceof Failure && error.code !== "ENGINE_FAILED") throw error;
    return hinted(entry, unmet("the check to be run", messageOf(error)));
  }
}

/** Why a check cannot run in this subject: a missing device or port. */
async function whyNotHere(entry: OnSubject, subject: Subject): Promise<string | undefined> {
  const port = "http" in entry ? entry.http.port : undefined;
  if (subject.kind === "sandbox" && port !== undefined && NOT_ROUTED.has(port))
    return `port ${String(port)} is reserved on Blaxel`;
  const devices = entry.devices ?? [];
  if (devices.length === 0 || subject.noShell === true) return undefined;
  const script = `for d in ${devices.map(quoted).join(" ")}; do [ -e "$d" ] || echo "$d"; done`;
  const absent = (await subject.run({ script })).stdout.trim().split("\n").join(", ");
  return absent === "" ? undefined : `the ${subject.kind} has no ${absent}`;
}

function attemptOf(
  entry: OnSubject,
  subject: Subject,
  signal: AbortSignal,
  answerMs: number,
): Promise<CheckVerdict> {
  if ("command" in entry) return runCommand(entry, subject);
  return "http" in entry ? askOverHttp(entry, subject, signal, answerMs) : checkPorts(entry, subject);
}

async function runCommand(entry: CommandEntry, subject: Subject): Promise<CheckVerdict> {
  if (subject.noShell === true && typeof entry.command === "string")
    return unmet(
      "a complete test",
      "the image has no shell: write the command as a list of program and arguments",
    );
  const result = await subject.run(limitedCommand(entry.command, entry, subject.noShell === true));
  return judgeCommandCheck(entry, result);
}

async function checkPorts(entry: ListeningEntry, subject: Subject): Promise<CheckVerdict> {
  const command = subject.noShell === true ? TCP_TABLES.split(" ").slice(0, 3) : TCP_TABLES;
  const { stdout } = await subject.run(
    limitedCommand(command, { name: entry.name }, subject.noShell === true),
  );
  return judgeListening(entry, listeningPorts(stdout));
}

async function askOverHttp(
  entry: HttpEntry,
  subject: Subject,
  signal: AbortSignal,
  answerMs: number,
): Promise<CheckVerdict> {
  const { port = 8080, path = "/" } = entry.http;
  try {
    return await withTimeLimit(answerMs, signal, async (limited) => {
      const response = await subject.request(port, path, { redirect: "manual", signal: limited });
      return judgeAnswer(entry, response.status, await response.text());
    });
  } catch (error) {
    signal.throwIfAborted();
    return judgeNoAnswer(entry, reasonOf(error));
  }
}

/** fetch says only "fetch failed"; the reason is in its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : `${messageOf(error)} (${messageOf(cause)})`;
}
