import { PassThrough } from "node:stream";
import type Dockerode from "dockerode";
import { extract } from "tar-stream";
import { engineStatus, type Engine } from "../docker/room";
import { Failure, messageOf } from "../support/errors";
import { RUN_LABEL, type Host } from "../support/host";
import type { Command, CommandResult, Subject } from "./check";

export interface SmokeContainer {
  readonly container: Dockerode.Container;
  readonly url: string;
  /** Why there is no /dev/fuse in it, when there is none. */
  readonly fuseUnavailable: string | undefined;
}

interface ContainerWish {
  readonly image: string;
  readonly withFuse: boolean;
  readonly init: boolean;
}

function creation(host: Host, engine: Engine, wish: ContainerWish): Dockerode.ContainerCreateOptions {
  return {
    Image: wish.image,
    platform: "linux/amd64",
    Env: ["TELEMETRY_ENABLED=false", "DO_NOT_TRACK=1", "HOST=::"],
    Labels: { [RUN_LABEL]: host.runId },
    ExposedPorts: { "8080/tcp": {} },
    HostConfig: {
      Init: wish.init,
      PortBindings: { "8080/tcp": [{ HostIp: engine.publishedHost === "127.0.0.1" ? "127.0.0.1" : "", HostPort: "" }] },
      CapAdd: wish.withFuse ? ["SYS_ADMIN"] : [],
      Devices: wish.withFuse ? [{ PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm" }] : [],
      SecurityOpt: engine.hasAppArmor ? ["apparmor=unconfined"] : [],
    },
  };
}

/** Whether an engine's refusal is about the device: its host has no /dev/fuse, or gives it to nobody. */
function isAboutFuse(error: unknown): boolean {
  return /\/dev\/fuse|SYS_ADMIN|operation not permitted/iu.test(messageOf(error));
}

/**
 * Starts a container of the image with what a sandbox has. Where the engine's host has no /dev/fuse it is started without,
 * and says so.
 */
export async function startContainer(host: Host, engine: Engine, image: string, init = true): Promise<SmokeContainer> {
  try {
    return { ...(await startOne(host, engine, { image, withFuse: true, init })), fuseUnavailable: undefined };
  } catch (error) {
    host.signal.throwIfAborted();
    if (!isAboutFuse(error)) throw cannotStart(image, error);
    const fuseUnavailable = `the engine cannot give a container /dev/fuse: ${messageOf(error).slice(0, 200)}`;
    try {
      return { ...(await startOne(host, engine, { image, withFuse: false, init })), fuseUnavailable };
    } catch (second) {
      throw cannotStart(image, second);
    }
  }
}

function cannotStart(image: string, error: unknown): Failure {
  return new Failure({ code: "CONTAINER_START", kind: "smoke", message: `No container of ${image} could be started: ${messageOf(error)}`, hint: "Exit 126 or 127 and \"exec format error\" mean that the entrypoint is missing, not executable, or for another machine.", cause: error });
}

async function startOne(host: Host, engine: Engine, wish: ContainerWish): Promise<{ readonly container: Dockerode.Container; readonly url: string }> {
  const container = await engine.docker.createContainer(creation(host, engine, wish));
  try {
    await container.start();
    const { NetworkSettings: network } = await container.inspect();
    const port = (network.Ports as Record<string, readonly { readonly HostPort: string }[] | null | undefined>)["8080/tcp"]?.[0]?.HostPort;
    return { container, url: `http://${engine.publishedHost}:${port ?? "0"}` };
  } catch (error) {
    await removeContainer(container);
    throw error;
  }
}

/** Removes a container; one that is gone already is fine. */
export async function removeContainer(container: Dockerode.Container): Promise<void> {
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    if (engineStatus(error) !== 404 && engineStatus(error) !== 409) throw error;
  }
}

/** The last lines a container printed. */
export async function lastLog(container: Dockerode.Container): Promise<readonly string[]> {
  try {
    const raw = (await container.logs({ stdout: true, stderr: true, tail: 20 })) as unknown as Buffer;
    // Frames of 8 bytes stand before each piece; what they hold besides text is not printable.
    return raw.toString("utf8").replace(/[\p{Cc}\uFFFD]/gu, (char) => (char === "\n" ? "\n" : "")).split("\n").filter((line) => line.trim() !== "").slice(-20);
  } catch {
    return [];
  }
}

/**
 * Waits until the sandbox API answers. A container that ends meanwhile is seen at once.
 * @throws Failure CONTAINER_DIED, HEALTH_TIMEOUT (exit 6) with the container's last lines
 */
export async function waitUntilHealthy(host: Host, { container, url }: SmokeContainer, limitMs: number): Promise<void> {
  const begun = host.clock.now();
  for (;;) {
    try {
      const response = await host.fetch(`${url}/health`, { signal: AbortSignal.any([host.signal, AbortSignal.timeout(2_000)]) });
      if (response.ok) return;
    } catch {
      host.signal.throwIfAborted();
    }
    const { State: state } = await container.inspect();
    if (!state.Running) {
      const code = state.ExitCode;
      throw new Failure({
        code: "CONTAINER_DIED",
        kind: "smoke",
        message: `The container ended with ${String(code)} before the sandbox API answered${state.Error === "" ? "" : ` (${state.Error})`}.`,
        log: (await lastLog(container)).map((line) => host.redact(line)),
        hint: code === 126 || code === 127 ? "The entrypoint or the sandbox API is missing or cannot be executed." : "The entrypoint must end with exec-ing the sandbox API; read its last lines above.",
      });
    }
    if (host.clock.now() - begun > limitMs) {
      throw new Failure({
        code: "HEALTH_TIMEOUT",
        kind: "smoke",
        message: `The sandbox API did not answer /health within ${String(Math.round(limitMs / 1000))} s.`,
        log: (await lastLog(container)).map((line) => host.redact(line)),
        hint: "It must listen on 0.0.0.0:8080 (or ::), not on the loopback only.",
      });
    }
    await host.clock.sleep(25, host.signal);
  }
}

/** Runs one command in a container. */
export async function execIn(host: Host, container: Dockerode.Container, command: Command): Promise<CommandResult> {
  const begun = host.clock.now();
  const exec = await container.exec({
    Cmd: command.script === undefined ? [...(command.argv ?? [])] : ["sh", "-c", command.script],
    AttachStdout: true,
    AttachStderr: true,
    ...(command.user === undefined ? {} : { User: command.user }),
    ...(command.cwd === undefined ? {} : { WorkingDir: command.cwd }),
    Env: Object.entries(command.env ?? {}).map(([name, value]) => `${name}=${value}`),
  });
  const stream = await exec.start({ hijack: false, stdin: false });
  const [stdout, stderr] = [collector(), collector()];
  container.modem.demuxStream(stream, stdout.stream, stderr.stream);
  const timedOut = await endOf(stream, command.timeoutMs ?? 60_000, host.signal);
  const { ExitCode: exitCode } = await exec.inspect();
  return { exitCode: timedOut ? 124 : (exitCode ?? -1), stdout: stdout.text(), stderr: stderr.text(), timedOut, durationMs: host.clock.now() - begun };
}

function collector(): { readonly stream: PassThrough; readonly text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new PassThrough();
  stream.on("data", (chunk: Buffer) => { chunks.push(chunk); });
  return { stream, text: () => Buffer.concat(chunks).toString("utf8") };
}

function endOf(stream: NodeJS.ReadableStream, limitMs: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const destroy = (): void => { (stream as unknown as { destroy(): void }).destroy(); };
    const onAbort = (): void => {
      destroy();
      settle(() => { reject(signal.reason as Error); });
    };
    const timer = setTimeout(() => {
      destroy();
      settle(() => { resolve(true); });
    }, limitMs);
    signal.addEventListener("abort", onAbort, { once: true });
    stream.on("end", () => { settle(() => { resolve(false); }); });
    stream.on("error", (error) => { settle(() => { reject(error); }); });
  });
}

/** One file's bytes out of a container, started or not; undefined when there is none. */
export async function readFromContainer(container: Dockerode.Container, path: string): Promise<Uint8Array | undefined> {
  let stream: NodeJS.ReadableStream;
  try {
    stream = await container.getArchive({ path });
  } catch (error) {
    if (engineStatus(error) === 404) return undefined;
    throw error;
  }
  const tar = stream.pipe(extract());
  let found: Uint8Array | undefined;
  for await (const entry of tar) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
    found ??= Buffer.concat(chunks);
  }
  return found;
}

/** A local container as the checks see it. */
export function containerSubject(host: Host, { container, url }: SmokeContainer): Subject {
  return {
    kind: "container",
    api: { url, headers: {} },
    run: (command) => execIn(host, container, command),
    async readFile(path) {
      const data = await readFromContainer(container, path);
      if (data === undefined) throw new Error(`${path} is not there`);
      return data;
    },
    request(port, path, init) {
      if (port !== 8080) return Promise.reject(new Error(`port ${String(port)} is not published`));
      return host.fetch(`${url}${path}`, { ...init, signal: init?.signal ?? AbortSignal.any([host.signal, AbortSignal.timeout(10_000)]) });
    },
  };
}
