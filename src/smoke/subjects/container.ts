import { readTarEntries, type Engine } from "../../docker/index";
import type { Host } from "../../support/host";
import type { Command, CommandResult, Subject } from "../check";
import { timeLimit } from "../../support/processes/time-limit";

/** A running container with a sandbox's environment. */
export interface SmokeContainer {
  readonly engine: Engine;
  readonly id: string;
  /** Address of the sandbox API's port, 8080. */
  readonly url: string;
  /** Addresses of all published ports, by container port. */
  readonly urls: Readonly<Record<number, string>>;
  /** Why a device is missing, by path. */
  readonly missingDevices: Readonly<Record<string, string>>;
}

/** Runs one command in a container. */
export async function execIn(
  host: Host,
  { engine, id }: Pick<SmokeContainer, "engine" | "id">,
  command: Command,
): Promise<CommandResult> {
  const startedAt = host.clock.now();
  const result = await engine.exec(id, {
    argv: command.script === undefined ? (command.argv ?? []) : ["sh", "-c", command.script],
    user: command.user,
    cwd: command.cwd,
    env: command.env,
    timeoutMs: command.timeoutMs ?? 60_000,
    signal: host.signal,
  });
  return { ...result, durationMs: host.clock.now() - startedAt };
}

/** The bytes of a file in a container, running or not; undefined if missing. Does not follow a symbolic link. */
export async function readFromContainer(
  host: Host,
  { engine, id }: Pick<SmokeContainer, "engine" | "id">,
  path: string,
): Promise<Uint8Array | undefined> {
  const stream = await engine.archive(id, path, host.signal);
  if (stream === undefined) return undefined;
  const couldNot = `${path} could not be read from the container`;
  return readTarEntries(couldNot, stream, host.signal, async (entries) => {
    let found: Uint8Array | undefined;
    for await (const entry of entries) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
      if (entry.header.type === "file") found ??= Buffer.concat(chunks);
    }
    return found;
  });
}

/** A local container as a subject of checks. */
export function containerSubject(host: Host, container: SmokeContainer): Subject {
  return {
    kind: "container",
    api: { url: container.url, headers: {} },
    run: (command) => execIn(host, container, command),
    request(port, path, init) {
      const url = container.urls[port];
      if (url === undefined) return Promise.reject(new Error(`port ${String(port)} is not published`));
      const signal = init?.signal ?? timeLimit(10_000, host.signal);
      return host.fetch(`${url}${path}`, { ...init, signal });
    },
  };
}
