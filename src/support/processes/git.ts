import { variables } from "../environment";
import type { Host } from "../host";
import type { ProcessRequest, ProcessResult } from "./run-process";

/**
 * Runs git in a folder, for five seconds unless more is given. It gets the variables that locate its configuration and name the committer,
 * but not those that name another repository or index: a hook sets them.
 */
export function runGit(
  host: Host,
  folder: string,
  args: readonly string[],
  { env, ...more }: Partial<Pick<ProcessRequest, "env" | "input" | "timeoutMs">> = {},
): Promise<ProcessResult> {
  const known = variables(host.env, /^(PATH|HOME|XDG_CONFIG_HOME|GIT_(CONFIG|AUTHOR|COMMITTER)_.*)$/u);
  return host.run({
    command: "git",
    args: ["-C", folder, ...args],
    env: { ...known, GIT_OPTIONAL_LOCKS: "0", ...env },
    timeoutMs: 5_000,
    ...more,
  });
}
