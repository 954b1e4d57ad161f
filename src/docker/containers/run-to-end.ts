import type { Readable } from "node:stream";
import type Docker from "dockerode";
import type { EndedContainer } from "../engine";
import { drained } from "./exec";
import { engineFailed, engineWords, statusOf } from "../failures";
import { lastBytes } from "./frames";
import { withTimeLimit } from "../../support/processes/time-limit";

const KEEP_BYTES = 8 * 1024 * 1024;

/**
 * Runs a container to its end. Reads its output from before the start on, so that nothing is lost and no log driver is needed. Returns a
 * program that cannot start as startError.
 */
export async function runToEnd(
  create: () => Promise<Docker.Container>,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<EndedContainer> {
  signal.throwIfAborted();
  const container = await create();
  try {
    return await run(container, timeoutMs, signal);
  } catch (error) {
    await container.remove({ force: true, v: true }).catch(() => undefined);
    signal.throwIfAborted();
    throw engineFailed("A container could not be run", error);
  }
}

async function run(
  container: Docker.Container,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<EndedContainer> {
  const stdout = lastBytes(KEEP_BYTES);
  const stderr = lastBytes(KEEP_BYTES);
  let stream: Readable;
  try {
    stream = (await container.attach({ stream: true, stdout: true, stderr: true })) as unknown as Readable;
  } catch (error) {
    return notStarted(container, error);
  }
  const reading = withTimeLimit(timeoutMs, signal, (limited) =>
    drained(stream, limited, (frame) => {
      (frame.stream === "stdout" ? stdout : stderr).take(frame.data);
    }),
  );
  try {
    await container.start();
  } catch (error) {
    stream.destroy();
    await reading.catch(() => undefined);
    return notStarted(container, error);
  }
  const ended = await reading;
  signal.throwIfAborted();
  if (!ended) await container.kill().catch(() => undefined);
  const { StatusCode: exitCode } = (await container.wait()) as { readonly StatusCode: number };
  return {
    id: container.id,
    exitCode,
    stdout: stdout.text(),
    stderr: stderr.text(),
    timedOut: !ended,
    startError: undefined,
  };
}

/**
 * The result for a program that the engine could not start; Podman reports that only while attached. Rethrows errors of the engine itself.
 */
function notStarted(container: Docker.Container, error: unknown): EndedContainer {
  const status = statusOf(error);
  if (status === undefined || status === 404) throw error;
  return {
    id: container.id,
    exitCode: -1,
    stdout: "",
    stderr: "",
    timedOut: false,
    startError: engineWords(error),
  };
}
