import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { decodeStatus, type BuildKitStatus } from "./buildkit-trace";
import { engineFailed } from "../failures";
import { messagesOf, StreamBroken, StreamSilent } from "./message-stream";
import { stepLog, type StepLog } from "./step-log";

/** Receives the progress of a build. */
export interface BuildListener {
  /** A step began: its text, e.g. "[deb 2/3] RUN apt-get update". */
  readonly onStep?: (step: string) => void;
  /** A complete line of output, with its step's number. */
  readonly onLine?: (line: string) => void;
}

/** The end of a build, with the intermediate images that the classic builder made. */
export type BuildEnding =
  | { readonly ok: true; readonly made: readonly string[] }
  | {
      readonly ok: false;
      /** The engine's message. */
      readonly message: string;
      /** The failed step, if known. */
      readonly step: string | undefined;
      /** The last lines of that step, else of the build. */
      readonly lines: readonly string[];
      readonly made: readonly string[];
    };

/**
 * Reads a build's messages to their end. Returns a failed build as a result; a build without output for `silenceMs` has failed.
 * @throws Failure ENGINE_GONE (exit 3) if the connection breaks or ends without an image
 */
export async function followBuild(
  stream: Readable,
  options: { readonly signal: AbortSignal; readonly silenceMs: number },
  listener: BuildListener,
): Promise<BuildEnding> {
  const log = stepLog();
  const classic = followClassic(log, listener);
  const buildKit = followBuildKit(log, listener);
  const failed = (message: string): BuildEnding => ({
    ok: false,
    message,
    step: buildKit.failed()?.name ?? classic.step(),
    lines: log.last(buildKit.failed()?.digest ?? classic.step()),
    made: classic.made(),
  });
  let hasImage = false;
  try {
    for await (const { stream: text, id, aux, error } of messagesOf(stream, options)) {
      if (text !== undefined) classic.take(text);
      if (id === "moby.buildkit.trace" && typeof aux === "string")
        buildKit.take(decodeStatus(Buffer.from(aux, "base64")));
      hasImage ||= typeof aux === "object" && aux !== null && "ID" in aux;
      if (error !== undefined) return failed(error);
    }
    if (!hasImage) throw new StreamBroken("it ended without an image and without an error");
    return { ok: true, made: classic.made() };
  } catch (error) {
    if (error instanceof StreamSilent) return failed(error.message);
    throw error instanceof StreamBroken ? engineFailed("The build was cut off", error) : error;
  }
}

/** The classic builder's text: "Step 3/9 : RUN …", output, " ---> <id>", " ---> Using cache". */
function followClassic(log: StepLog, listener: BuildListener) {
  let step: string | undefined;
  let cached = false;
  let made: readonly string[] = [];
  return {
    take(text: string): void {
      const begun = /^Step (\d+\/\d+) : (.*)/u.exec(text);
      if (begun !== null) {
        step = `[${begun[1] ?? ""}] ${(begun[2] ?? "").trim()}`;
        cached = /^FROM\b/iu.test(begun[2] ?? "");
        listener.onStep?.(step);
      }
      if (text.includes("---> Using cache")) cached = true;
      const image = /^ ---> ([0-9a-f]{12})\n?$/u.exec(text);
      if (image?.[1] !== undefined && !cached) made = [...made, image[1]];
      for (const line of log.take(step ?? "", text)) listener.onLine?.(line);
    },
    step: () => step,
    made: () => made,
  };
}

/** BuildKit's status messages: steps by digest, each with its own output. */
function followBuildKit(log: StepLog, listener: BuildListener) {
  const begin = (digest: string, number: number) => {
    return { digest, number, name: "", reported: false, decoder: new StringDecoder("utf8") };
  };
  type Step = ReturnType<typeof begin>;
  const steps = new Map<string, Step>();
  let failed: Step | undefined;
  const known = (digest: string): Step => {
    const step = steps.get(digest) ?? begin(digest, steps.size + 1);
    steps.set(digest, step);
    return step;
  };
  return {
    take(status: BuildKitStatus): void {
      for (const vertex of status.vertexes) {
        const step = known(vertex.digest);
        if (vertex.name !== "") step.name = vertex.name;
        if ((vertex.started || vertex.cached) && !step.reported) {
          step.reported = true;
          listener.onStep?.(step.name);
          listener.onLine?.(`#${String(step.number)} ${step.name}${vertex.cached ? " (cached)" : ""}`);
        }
        if (vertex.error !== "") {
          // Steps that were only cancelled report that; the first other error ended the build.
          if (!/context canceled/iu.test(vertex.error)) failed ??= step;
          listener.onLine?.(`#${String(step.number)} ERROR: ${vertex.error}`);
        }
      }
      for (const entry of status.logs) {
        const step = known(entry.vertex);
        for (const line of log.take(entry.vertex, step.decoder.write(Buffer.from(entry.data))))
          listener.onLine?.(`#${String(step.number)} ${line}`);
      }
    },
    failed: (): Step | undefined => failed,
  };
}
