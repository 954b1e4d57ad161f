import type { Environment } from "../environment";
import type { Host } from "../host";
import type { ProcessRequest, ProcessResult } from "./run-process";

/**
 * Runs a program that uses its own credentials for registries, clouds or clusters, until it ends or the run is interrupted.
 * @param request its environment is this one's, without private keys and what belongs to Blaxel, Mesa and this program, unless given
 */
export function runOther(
  { env, signal, run }: Host,
  command: string,
  args: readonly string[],
  request: Omit<ProcessRequest, "command" | "args" | "env"> & { readonly env?: Environment },
): Promise<ProcessResult> {
  return run({ command, args, env: othersEnvironment(env), signal, ...request });
}

/** What runOther gives to a program by default. */
export function othersEnvironment(env: Environment): Environment {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name, value]) => !/^(?:BL|MESA)_/u.test(name) && value?.includes("PRIVATE KEY-----") !== true,
    ),
  );
}
