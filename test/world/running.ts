import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BLAXEL_KEY, BLAXEL_WORKSPACE } from "./blaxel/state";
import type { WorldConfig } from "./config";
import { MESA_ADMIN_KEY, MESA_ORG } from "./mesa/state";

/** What the running world is remembered by. */
export interface Remembered {
  readonly pid: number;
  readonly config: WorldConfig;
  readonly ready: boolean;
}

export function stateFileOf(dir: string): string {
  return join(dir, "world.json");
}

export function remembered(dir: string): Remembered | undefined {
  try {
    return JSON.parse(readFileSync(stateFileOf(dir), "utf8")) as Remembered;
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return readFileSync(`/proc/${String(pid)}/cmdline`, "utf8").includes("world");
  } catch {
    return false;
  }
}

/** The variables that point a process at the world in `dir`, besides its bin/ on PATH; undefined: it is not up. */
export function environmentOf(dir: string): Readonly<Record<string, string>> | undefined {
  const state = remembered(dir);
  if (state === undefined || !isAlive(state.pid) || !state.ready) return undefined;
  const { ports, gateway } = state.config;
  return {
    BL_API_URL: `http://127.0.0.1:${String(ports.blaxel)}`,
    BL_API_KEY: BLAXEL_KEY,
    BL_WORKSPACE: BLAXEL_WORKSPACE,
    MESA_API_URL: `http://${gateway}:${String(ports.mesa)}`,
    MESA_API_KEY: MESA_ADMIN_KEY,
    MESA_ORG,
    MESA_TEMPLATE_UPSTREAM: join(dir, "upstream.toml"),
    MESA_TEMPLATE_WORLD: `http://127.0.0.1:${String(ports.control)}`,
    DO_NOT_TRACK: "1",
    WORLD_REGISTRY: `127.0.0.1:${String(ports.registry)}`,
    WORLD_REGISTRY_BASIC: `127.0.0.1:${String(ports.registryBasic)}`,
    WORLD_REGISTRY_LOGIN: join(dir, "registry-login.json"),
  };
}
