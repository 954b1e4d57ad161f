import { join } from "node:path";

/**
 * Where the world keeps its things and where it listens. All parts run in one Node process (test/world/main.ts) and are
 * reached both from the host and from containers, so they listen on 127.0.0.1 and on the docker bridge's gateway.
 */
export interface WorldConfig {
  /** Folder of the world's own state (ignored by git), e.g. /repo/.world */
  readonly dir: string;
  /** Source folder of the world: test/world */
  readonly source: string;
  /** The docker bridge's gateway, e.g. 172.17.0.1: how containers reach the host. */
  readonly gateway: string;
  readonly ports: WorldPorts;
  /** Real parts that take a stand-in's place. */
  readonly swaps: {
    readonly sandboxApi?: string;
    readonly bl?: string;
    readonly debian?: string;
    readonly alpine?: string;
  };
}

export interface WorldPorts {
  readonly control: number;
  /** The fronting proxy that adds the token dance and the faults: what clients use. */
  readonly registry: number;
  /** The same registry for those who send a user name and a password with every request. */
  readonly registryBasic: number;
  /** The real docker-registry behind both, published on 127.0.0.1 only. */
  readonly registryBackend: number;
  readonly apt: number;
  readonly mesa: number;
  readonly blaxel: number;
}

/** Fixed by default, so that a restarted world gives the same bytes and old locks go on working. */
export const DEFAULT_PORTS: WorldPorts = {
  control: 47100,
  registry: 47101,
  registryBackend: 47102,
  apt: 47103,
  mesa: 47104,
  blaxel: 47105,
  registryBasic: 47106,
};

/** Labels of everything the world makes on the engine, so that it can end it again. */
export const WORLD_LABEL = "mesa-template.world";

/** Sub-folders of the world's state. */
export const worldPath = (config: WorldConfig, ...parts: string[]): string => join(config.dir, ...parts);
