import type { Engine } from "../../docker/index";
import { Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import type { Stoppable } from "../check";
import { timeLimit } from "../../support/processes/time-limit";
import { whyDied } from "./died";

/** The sandbox API's port. */
export const API_PORT = 8080;

/** A running container as a subject of checks. */
export interface SmokeContainer extends Stoppable {
  readonly engine: Engine;
  readonly id: string;
  /** Why a device is missing, by path. */
  readonly missingDevices: Readonly<Record<string, string>>;
}

/**
 * A running container as a subject. Commands throw Failure CONTAINER_DIED (exit 6) if it has ended, what the engine throws (exit 3).
 * @param ports of the engine, by TCP port of the container
 */
export function containerSubject(
  host: Host,
  engine: Engine,
  id: string,
  ports: Readonly<Record<number, number>>,
): Omit<SmokeContainer, "missingDevices"> {
  const urlOf = (port: number): string =>
    `http://${engine.facts.publish.reachedAt}:${String(ports[port] ?? 0)}`;
  return {
    kind: "container" as const,
    engine,
    id,
    api: { url: urlOf(API_PORT), headers: {} },
    async run({ script, argv = [], timeoutMs = 60_000, ...command }) {
      const startedAt = host.clock.now();
      const program = script === undefined ? argv : ["sh", "-c", script];
      const result = await engine
        .exec(id, { ...command, argv: program, timeoutMs })
        .catch(async (error: unknown) => {
          if (!(error instanceof Failure) || error.code !== "ENGINE_FAILED") throw error;
          // An engine also refuses commands in a container that has ended, which is the image's failure.
          throw (await whyDied(host, engine, id, "while it was checked")) ?? error;
        });
      return { ...result, durationMs: host.clock.now() - startedAt };
    },
    request(port, path, init) {
      if (ports[port] === undefined)
        return Promise.reject(new Error(`port ${String(port)} is not published`));
      const signal = init?.signal ?? timeLimit(10_000, host.signal);
      return host.fetch(`${urlOf(port)}${path}`, { ...init, signal });
    },
    async stop(graceSeconds) {
      const startedAt = host.clock.now();
      await engine.stop(id, graceSeconds);
      const state = await engine.container(id);
      const waitedMs = host.clock.now() - startedAt;
      // Excludes the engine's own clean-up after the end (Podman: a second). A clock that differs from ours is ignored.
      const endedMs = (state?.finishedAtMs ?? Number.NaN) - startedAt;
      const durationMs = endedMs >= 0 && endedMs < waitedMs ? endedMs : waitedMs;
      const exitCode = state?.exitCode ?? -1;
      return { durationMs, exitCode, killed: exitCode === 137 };
    },
  };
}
