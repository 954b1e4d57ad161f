import { join } from "node:path";
import type { Host } from "./host";

/** A variable of the environment. Empty counts as unset, as for the docker command. */
export function setIn(env: Host["env"], name: string): string | undefined {
  const value = env[name];
  return value === "" ? undefined : value;
}

/** The folder of the docker command's configuration (DOCKER_CONFIG, else ~/.docker); undefined without a home. */
export function dockerConfigFolder(env: Host["env"]): string | undefined {
  const home = setIn(env, "HOME");
  return setIn(env, "DOCKER_CONFIG") ?? (home === undefined ? undefined : join(home, ".docker"));
}
