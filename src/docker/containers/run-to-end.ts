import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import { warnThatStays, withCleanUp } from "../../support/processes/clean-up";
import { withTimeLimit } from "../../support/processes/time-limit";
import type { ExecResult } from "../engine";
import { answerOf, engineWords, statusOf } from "../failures";
import { outputOf } from "./output";

/** Runs a container to its end or to its time limit, and removes it. */
export async function runToEnd(
  host: Host,
  create: () => Promise<Docker.Container>,
  timeoutMs: number,
): Promise<ExecResult> {
  const { signal } = host;
  signal.throwIfAborted();
  const container = await create();
  return withCleanUp(
    () => answerOf("A container could not be run", () => run(container, timeoutMs, signal), { signal }),
    () => removed(container),
    warnThatStays(host, `the container ${container.id.slice(0, 12)}`),
  );
}

/** Removes a container, running or not; accepts that it no longer exists, or is already being removed (409). */
export function removed(container: Docker.Container): Promise<void> {
  return answerOf("The container could not be removed", () => container.remove({ force: true, v: true }), {
    instead: { 404: undefined, 409: undefined },
  });
}

/** Reads the output from before the start on, so that nothing is lost and no log driver is needed. */
async function run(container: Docker.Container, timeoutMs: number, signal: AbortSignal): Promise<ExecResult> {
  const stream = (await container
    .attach({ stream: true, stdout: true, stderr: true })
    .catch(notStarted)) as unknown as Readable;
  const reading = withTimeLimit(timeoutMs, signal, (limited) => outputOf(stream, limited));
  await container.start().catch(async (error: unknown) => {
    stream.destroy();
    await reading.catch(() => undefined);
    notStarted(error);
  });
  const output = await reading;
  signal.throwIfAborted();
  if (output.timedOut) await container.kill().catch(() => undefined);
  const { StatusCode: exitCode } = (await container.wait()) as { readonly StatusCode: number };
  return { ...output, exitCode };
}

/** Throws the engine's own words about a program that cannot start; Podman says them only while one attaches. */
function notStarted(error: unknown): never {
  const status = statusOf(error);
  if (status === undefined || status === 404) throw error;
  throw new Failure({
    code: "ENGINE_FAILED",
    kind: "environment",
    message: engineWords(error),
    cause: error,
  });
}
