import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { ContainerRequest } from "../../docker/index";
import { messageOf } from "../../support/errors";
import type { Host } from "../../support/host";
import type { Invocation } from "./command-batch";
import { parseEnvFile } from "./env-file";
import type { StructureFile } from "./structure-file";

/** What containerRunOptions asks for, as a container request. */
export function optionsRequest({ runOptions }: StructureFile): Partial<ContainerRequest> {
  if (runOptions === undefined) return {};
  const { user, privileged, capabilities, bindMounts } = runOptions;
  return {
    ...(user === "" ? {} : { user }),
    ...(privileged ? { privileged } : {}),
    ...(capabilities.length === 0 ? {} : { capabilities }),
    ...(bindMounts.length === 0 ? {} : { binds: bindMounts }),
  };
}

/** Variables that containerRunOptions gives to every command test instead of its own; undefined where it is not given. */
export interface OptionVariables {
  readonly variables: Invocation["env"];
  /** Names in envVars that are empty or not set here. */
  readonly unset: readonly string[];
}

/**
 * Reads them: those of the env file, its path taken from the working directory, then those of this process. An env file that cannot
 * be read is a warning, and its variables are missing, as in container-structure-test.
 */
export async function optionVariables(
  host: Pick<Host, "env" | "emit">,
  { path, runOptions }: StructureFile,
): Promise<OptionVariables | undefined> {
  if (runOptions === undefined) return undefined;
  const { envFile, envVars } = runOptions;
  const fromFile = envFile === "" ? [] : await envFileVariables(host, path, envFile);
  const named = envVars.map((name) => [name, host.env[name] ?? ""] as const);
  return {
    variables: [...fromFile, ...named],
    unset: named.filter(([, value]) => value === "").map(([name]) => name),
  };
}

async function envFileVariables(
  host: Pick<Host, "emit">,
  testFile: string,
  envFile: string,
): Promise<Invocation["env"]> {
  const path = resolve(envFile);
  try {
    // What has no name or no value is left out.
    return [...parseEnvFile(await readFile(path, "utf8"))].filter(
      ([name, value]) => name !== "" && value !== "",
    );
  } catch (error) {
    host.emit({
      type: "warning",
      message: `${testFile}: none of the variables in containerRunOptions.envFile is given to the tests: ${path}: ${messageOf(error)}`,
    });
    return [];
  }
}
