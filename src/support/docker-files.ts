import { join } from "node:path";
import type { Host } from "./host";

/** A variable of the environment; one that is set but empty is unset, as the docker command has it. */
export function setIn(env: Host["env"], name: string): string | undefined {
  const value = env[name];
  return value === "" ? undefined : value;
}

/** The folder of the docker command's own files (DOCKER_CONFIG, else ~/.docker); undefined where there is no home. */
export function dockerConfigFolder(env: Host["env"]): string | undefined {
  const home = setIn(env, "HOME");
  return setIn(env, "DOCKER_CONFIG") ?? (home === undefined ? undefined : join(home, ".docker"));
}
