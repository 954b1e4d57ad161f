import type { Readable } from "node:stream";
import type Docker from "dockerode";
import type { ExecRequest, ExecResult } from "../engine";
import { engineFailed } from "../failures";
import { frameReader, lastBytes } from "./frames";
import { withTimeLimit } from "../../support/processes/time-limit";

const KEEP_BYTES = 8 * 1024 * 1024;

/** Runs a program in a running container to its end or to its time limit. */
export async function execIn(docker: Docker, id: string, request: ExecRequest): Promise<ExecResult> {
  const { signal, timeoutMs } = request;
  const run = (limited: AbortSignal): Promise<ExecResult> => execUntil(docker, id, request, limited);
  return timeoutMs === undefined ? run(signal) : withTimeLimit(timeoutMs, signal, run);
}

async function execUntil(
  docker: Docker,
  id: string,
  request: ExecRequest,
  limited: AbortSignal,
): Promise<ExecResult> {
  const { signal } = request;
  const stdout = lastBytes(KEEP_BYTES);
  const stderr = lastBytes(KEEP_BYTES);
  try {
    const exec = await docker.getContainer(id).exec({
      Cmd: [...request.argv],
      AttachStdout: true,
      AttachStderr: true,
      ...(request.user === undefined ? {} : { User: request.user }),
      ...(request.cwd === undefined ? {} : { WorkingDir: request.cwd }),
      ...(request.env === undefined
        ? {}
        : { Env: Object.entries(request.env).map(([name, value]) => `${name}=${value}`) }),
    });
    const stream = (await exec.start({ Detach: false, Tty: false })) as unknown as Readable;
    const ended = await drained(stream, limited, (frame) => {
      (frame.stream === "stdout" ? stdout : stderr).take(frame.data);
    });
    signal.throwIfAborted();
    const code = ended ? (await exec.inspect()).ExitCode : null;
    return { exitCode: code ?? 124, stdout: stdout.text(), stderr: stderr.text(), timedOut: !ended };
  } catch (error) {
    signal.throwIfAborted();
    throw engineFailed("A command could not be run in the container", error);
  }
}

/** Reads a multiplexed stream to its end; false if the signal came first. */
export async function drained(
  stream: Readable,
  signal: AbortSignal,
  onFrame: (frame: ReturnType<ReturnType<typeof frameReader>>[number]) => void,
): Promise<boolean> {
  const read = frameReader();
  const onAbort = (): void => {
    stream.destroy();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    for await (const chunk of stream) for (const frame of read(chunk as Buffer)) onFrame(frame);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
