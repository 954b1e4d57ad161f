import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type Docker from "dockerode";
import { apiMinor, type PublishedPorts } from "../connection/daemon";
import type { ContainerRequest, ContainerState, EngineContainers, ExecRequest, ExecResult } from "../engine";
import { answerOf } from "../failures";
import { PLATFORM } from "../images";
import { readTarEntries } from "../tar-entries";
import { runLabels, type Host } from "../../support/host";
import { withTimeLimit } from "../../support/processes/time-limit";
import { frameReader, outputOf } from "./output";
import { removed, runToEnd } from "./run-to-end";

/**
 * The engine's methods for containers.
 * @param apiVersion the engine's own, e.g. "1.41"; if it supports that, containers are made for linux/amd64 on any machine
 */
export function containersOf(
  host: Host,
  docker: Docker,
  publish: PublishedPorts,
  apiVersion: string,
): EngineContainers {
  const { signal } = host;
  const create = (request: ContainerRequest): Promise<Docker.Container> => {
    const isAnyPlatform = request.anyPlatform === true || apiMinor(apiVersion) < 41;
    const options = {
      // Otherwise dockerode repeats the body in the address, which engines log: secrets of the environment too.
      _query: isAnyPlatform ? {} : { platform: PLATFORM },
      _body: { ...createOptions(request, publish), Labels: runLabels(host) },
    };
    return answerOf(`No container could be made from ${request.image}`, () =>
      docker.createContainer(options as Docker.ContainerCreateOptions),
    );
  };
  return {
    createContainer: async (request) => (await create(request)).id,
    startContainer: (id) =>
      answerOf("The container could not be started", () => docker.getContainer(id).start()),
    runToEnd: (request, timeoutMs) => runToEnd(host, () => create(request), timeoutMs),
    container: (id) => stateOf(docker, id),
    containers: (wanted) =>
      answerOf("The containers could not be listed", async () => {
        const found = await docker.listContainers({ all: true, filters: { label: [...wanted] } });
        return found.map((item) => ({ id: item.Id, labels: item.Labels, createdAtMs: item.Created * 1000 }));
      }),
    exec(id, request) {
      const container = docker.getContainer(id);
      const run = async (): Promise<ExecResult> => {
        const result = await withTimeLimit(request.timeoutMs, signal, (limit) =>
          exec(container, request, limit),
        );
        signal.throwIfAborted();
        return result;
      };
      return answerOf("A command could not be run in the container", run, { signal });
    },
    async logs(id, tail) {
      const data = await answerOf<Buffer>(
        "The container's output could not be read",
        () => docker.getContainer(id).logs({ stdout: true, stderr: true, tail, follow: false }),
        { instead: { 404: Buffer.alloc(0) } },
      );
      const text = frameReader()(data).map((frame) => frame.data.toString("utf8"));
      return text
        .join("")
        .split(/\r?\n/u)
        .filter((line) => line !== "")
        .slice(-tail);
    },
    stop: (id, graceSeconds) =>
      answerOf(
        "The container could not be stopped",
        () => docker.getContainer(id).stop({ t: graceSeconds }),
        // 304: it has already ended.
        { instead: { 304: undefined, 404: undefined } },
      ),
    removeContainer: (id) => removed(docker.getContainer(id)),
    async entry(id, path) {
      const what = `${path} could not be read from the container`;
      const request = { path, abortSignal: signal };
      const archive = await answerOf<Readable | undefined>(
        what,
        async () => (await docker.getContainer(id).getArchive(request)) as unknown as Readable,
        { instead: { 404: undefined }, signal },
      );
      if (archive === undefined) return undefined;
      return readTarEntries(what, archive, signal, async (entries) => {
        // A folder's content comes after the folder.
        for await (const entry of entries) {
          const { type, mode } = entry.header;
          const bytes = type === "file" ? await buffer(entry) : Buffer.alloc(0);
          return { type, mode: mode & 0o7777, bytes };
        }
        return undefined;
      });
    },
  };
}

async function exec(
  container: Docker.Container,
  { argv, user, cwd, env = {} }: ExecRequest,
  limit: AbortSignal,
): Promise<ExecResult> {
  const program = await container.exec({
    Cmd: [...argv],
    AttachStdout: true,
    AttachStderr: true,
    User: user,
    WorkingDir: cwd,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
  });
  const stream = (await program.start({ Detach: false, Tty: false })) as unknown as Readable;
  const output = await outputOf(stream, limit);
  const code = output.timedOut ? null : (await program.inspect()).ExitCode;
  return { ...output, exitCode: code ?? 124 };
}

/** The body of the request; what is undefined does not appear in it. */
function createOptions(request: ContainerRequest, publish: PublishedPorts): object {
  const ports = (request.publish ?? []).map((port) => `${String(port)}/tcp`);
  return {
    Image: request.image,
    Env: request.env,
    Entrypoint: request.entrypoint,
    Cmd: request.cmd,
    User: request.user,
    WorkingDir: request.workdir,
    ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])),
    HostConfig: {
      Binds: request.binds,
      Init: request.init,
      CapAdd: request.capabilities ?? [],
      SecurityOpt: request.securityOptions ?? [],
      Devices: (request.devices ?? []).map((path) => ({
        PathOnHost: path,
        PathInContainer: path,
        CgroupPermissions: "rwm",
      })),
      PortBindings: Object.fromEntries(
        ports.map((port) => [port, [{ HostIp: publish.bindTo, HostPort: "" }]]),
      ),
    },
  };
}

async function stateOf(docker: Docker, id: string): Promise<ContainerState | undefined> {
  const found = await answerOf<Docker.ContainerInspectInfo | undefined>(
    "The container could not be inspected",
    () => docker.getContainer(id).inspect(),
    { instead: { 404: undefined } },
  );
  if (found === undefined) return undefined;
  const bindings = Object.entries(
    found.NetworkSettings.Ports as Readonly<Record<string, readonly { readonly HostPort: string }[] | null>>,
  );
  const finishedAtMs = Date.parse(found.State.FinishedAt);
  return {
    running: found.State.Running,
    exitCode: found.State.ExitCode,
    oomKilled: found.State.OOMKilled,
    finishedAtMs: finishedAtMs > 0 ? finishedAtMs : undefined,
    error: found.State.Error,
    ports: Object.fromEntries(
      bindings.flatMap(([port, bound]) =>
        bound?.[0] === undefined ? [] : [[Number.parseInt(port, 10), Number(bound[0].HostPort)]],
      ),
    ),
  };
}
