import { variables } from "../environment";
import type { Host } from "../host";
import type { ProcessRequest, ProcessResult } from "./process";

/** Runs git in a folder. Unless `request` says otherwise, git gets the variables that locate its configuration, and five seconds. */
export function runGit(
  host: Host,
  folder: string,
  args: readonly string[],
  request: Partial<Omit<ProcessRequest, "command" | "args">> = {},
): Promise<ProcessResult> {
  const env = variables(host.env, /^(PATH|HOME|XDG_CONFIG_HOME|GIT_.*)$/u);
  return host.run({ command: "git", args: ["-C", folder, ...args], env, timeoutMs: 5_000, ...request });
}
