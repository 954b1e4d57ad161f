import type { Readable } from "node:stream";
import type Docker from "dockerode";
import type { ExecRequest, ExecResult } from "../engine";
import { answerOf } from "../failures";
import { outputOf } from "./output";
import { withTimeLimit } from "../../support/processes/time-limit";

/** Runs a program in a running container to its end or to its time limit. */
export async function execIn(
  docker: Docker,
  id: string,
  { argv, user, cwd, env = {}, timeoutMs, signal }: ExecRequest,
): Promise<ExecResult> {
  const run = async (limited: AbortSignal): Promise<ExecResult> => {
    const exec = await docker.getContainer(id).exec({
      Cmd: [...argv],
      AttachStdout: true,
      AttachStderr: true,
      User: user,
      WorkingDir: cwd,
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    });
    const stream = (await exec.start({ Detach: false, Tty: false })) as unknown as Readable;
    const output = await outputOf(stream, limited);
    signal.throwIfAborted();
    const code = output.timedOut ? null : (await exec.inspect()).ExitCode;
    return { ...output, exitCode: code ?? 124 };
  };
  return answerOf(
    "A command could not be run in the container",
    () => withTimeLimit(timeoutMs, signal, run),
    { signal },
  );
}
