import { userInfo } from "node:os";
import { join } from "node:path";

/** Variables by name; an undefined one is not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A variable of the environment, without the line break that a secret's file or a .env from Windows ends with. Empty counts as unset, as for
 * the docker command.
 */
export function setIn(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === "" ? undefined : value;
}

/** The environment with a HOME. Without one (a systemd service, env -i) it is the user's of the system, as for the docker command. */
export function withHome(env: Environment): Environment {
  if (setIn(env, "HOME") !== undefined) return env;
  try {
    return { ...env, HOME: userInfo().homedir };
  } catch {
    // A container's user need not have an entry in /etc/passwd.
    return env;
  }
}

/** The variables with these names, for a program that gets no others. */
export function variables(env: Environment, names: RegExp): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => names.test(name)));
}

/** The folder of the docker command's configuration (DOCKER_CONFIG, else ~/.docker); undefined without a home. */
export function dockerConfigFolder(env: Environment): string | undefined {
  const home = setIn(env, "HOME");
  return setIn(env, "DOCKER_CONFIG") ?? (home === undefined ? undefined : join(home, ".docker"));
}
