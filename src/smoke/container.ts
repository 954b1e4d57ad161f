import { extract } from "tar-stream";
import type { ContainerRequest, Engine } from "../docker/index";
import { Failure, messageOf } from "../support/errors";
import { RUN_LABEL, type Host } from "../support/host";
import type { Command, CommandResult, Subject } from "./check";
import { timeLimit } from "../support/time-limit";

/** A running container of an image, with what a sandbox has. */
export interface SmokeContainer {
  readonly engine: Engine;
  readonly id: string;
  /** Address of its port 8080. */
  readonly url: string;
  /** Why there is no /dev/fuse in it, when there is none. */
  readonly fuseUnavailable: string | undefined;
}

const API_PORT = 8080;

/** What a sandbox gives its processes: /dev/fuse with the right to mount, a small init, nothing told to anybody. */
export function sandboxLike(host: Host, engine: Engine, image: string, withFuse: boolean): ContainerRequest {
  return {
    image,
    labels: { [RUN_LABEL]: host.runId },
    env: ["TELEMETRY_ENABLED=false", "DO_NOT_TRACK=1", "HOST=::"],
    init: true,
    publish: [API_PORT],
    ...(withFuse ? { devices: ["/dev/fuse"], capabilities: ["SYS_ADMIN"] } : {}),
    ...(withFuse && engine.facts.appArmor ? { securityOptions: ["apparmor=unconfined"] } : {}),
  };
}

/** Whether an engine's refusal is about the device: its host has no /dev/fuse, or gives it to nobody. */
function isAboutFuse(error: unknown): boolean {
  return /\/dev\/fuse|SYS_ADMIN|operation not permitted/iu.test(messageOf(error));
}

/**
 * Starts a container of the image with what a sandbox has. Where the engine's host has no /dev/fuse it is started without,
 * and says so: asked of the engine, whose /dev counts, not ours.
 * @throws Failure CONTAINER_START (exit 6)
 */
export async function startContainer(host: Host, engine: Engine, image: string): Promise<SmokeContainer> {
  try {
    return await startOne(host, engine, sandboxLike(host, engine, image, true), undefined);
  } catch (error) {
    host.signal.throwIfAborted();
    if (!isAboutFuse(error)) throw cannotStart(image, error);
    const why = `the engine cannot give a container /dev/fuse: ${messageOf(error).slice(0, 200)}`;
    try {
      return await startOne(host, engine, sandboxLike(host, engine, image, false), why);
    } catch (second) {
      host.signal.throwIfAborted();
      throw cannotStart(image, second);
    }
  }
}

function cannotStart(image: string, error: unknown): Failure {
  return new Failure({
    code: "CONTAINER_START",
    kind: "smoke",
    message: `No container of ${image} could be started: ${messageOf(error)}`,
    hint: 'Exit 126 or 127 and "exec format error" mean that the entrypoint is missing, not executable, or for another machine.',
    cause: error,
  });
}

async function startOne(
  host: Host,
  engine: Engine,
  request: ContainerRequest,
  fuseUnavailable: string | undefined,
): Promise<SmokeContainer> {
  host.signal.throwIfAborted();
  const id = await engine.createContainer(request);
  try {
    await engine.startContainer(id);
    const port = (await engine.container(id))?.ports[API_PORT];
    return {
      engine,
      id,
      url: `http://${engine.facts.publish.reachedAt}:${String(port ?? 0)}`,
      fuseUnavailable,
    };
  } catch (error) {
    await engine.removeContainer(id);
    throw error;
  }
}

/** Runs one command in a container. */
export async function execIn(
  host: Host,
  { engine, id }: Pick<SmokeContainer, "engine" | "id">,
  command: Command,
): Promise<CommandResult> {
  const begun = host.clock.now();
  const result = await engine.exec(id, {
    argv: command.script === undefined ? (command.argv ?? []) : ["sh", "-c", command.script],
    user: command.user,
    cwd: command.cwd,
    env: command.env,
    timeoutMs: command.timeoutMs ?? 60_000,
    signal: host.signal,
  });
  return { ...result, durationMs: host.clock.now() - begun };
}

/** One file's bytes out of a container, started or not; undefined when there is none. A symbolic link is not followed and has none. */
export async function readFromContainer(
  host: Host,
  { engine, id }: Pick<SmokeContainer, "engine" | "id">,
  path: string,
): Promise<Uint8Array | undefined> {
  const stream = await engine.archive(id, path, host.signal);
  if (stream === undefined) return undefined;
  let found: Uint8Array | undefined;
  for await (const entry of stream.pipe(extract())) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
    if (entry.header.type === "file") found ??= Buffer.concat(chunks);
  }
  return found;
}

/** A local container as the checks see it. */
export function containerSubject(host: Host, container: SmokeContainer): Subject {
  return {
    kind: "container",
    api: { url: container.url, headers: {} },
    run: (command) => execIn(host, container, command),
    async readFile(path) {
      const data = await readFromContainer(host, container, path);
      if (data === undefined) throw new Error(`${path} is not there`);
      return data;
    },
    request(port, path, init) {
      if (port !== API_PORT) return Promise.reject(new Error(`port ${String(port)} is not published`));
      const signal = init?.signal ?? timeLimit(10_000, host.signal);
      return host.fetch(`${container.url}${path}`, { ...init, signal });
    },
  };
}
