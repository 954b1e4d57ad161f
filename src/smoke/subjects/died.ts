import type { Engine } from "../../docker/index";
import { Failure } from "../../support/errors";
import type { Host } from "../../support/host";

/** A container's last lines, without secrets. */
export async function lastLines(host: Host, engine: Engine, id: string): Promise<readonly string[]> {
  return (await engine.logs(id, 20)).map((line) => host.redact(line));
}

/**
 * Why a container that should run does not: the image's failure, with its last lines. Undefined while it runs.
 * @param when for the message: "before the sandbox API answered"
 */
export async function whyDied(
  host: Host,
  engine: Engine,
  id: string,
  when: string,
): Promise<Failure | undefined> {
  const state = await engine.container(id);
  if (state?.running === true) return undefined;
  const { exitCode, oomKilled = false, error = "" } = state ?? {};
  const log = await lastLines(host, engine, id);
  return new Failure({
    code: "CONTAINER_DIED",
    kind: "smoke",
    message: `The container exited with ${String(exitCode ?? "no exit code")} ${when}${error === "" ? "" : ` (${error})`}.`,
    log,
    hint: meaning(exitCode, oomKilled, log),
  });
}

/** What the container's exit code says about its entrypoint (as docker run: 126 cannot be executed, 127 not found). */
function meaning(code: number | undefined, oomKilled: boolean, log: readonly string[]): string {
  if (oomKilled) return "It ran out of memory.";
  if (log.some((line) => line.includes("exec format error")))
    return "exec format error: the entrypoint or the sandbox API is for another machine, or a script without #!/bin/sh.";
  if (code === 126)
    return "Exit 126: the entrypoint or the sandbox API exists but is not executable (mode 0755?).";
  if (code === 127)
    return "Exit 127: the entrypoint or the sandbox API, or its interpreter, is not in the image.";
  return "The entrypoint must end with exec of the sandbox API; read its last lines above.";
}
