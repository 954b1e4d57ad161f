import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { apiMinor } from "../connection/daemon";
import type { ContainerRequest, ContainerState, Engine, PathChange, PublishedPorts } from "../engine";
import { execIn } from "./exec";
import { engineFailed, statusOf } from "../failures";
import { frameReader } from "./frames";
import { readPathStat } from "./path-stat";
import { runToEnd } from "./run-to-end";

const CHANGES: Readonly<Record<number, PathChange["kind"]>> = { 0: "modified", 1: "added", 2: "deleted" };

type Part = Pick<
  Engine,
  | "createContainer"
  | "startContainer"
  | "runToEnd"
  | "container"
  | "containers"
  | "exec"
  | "logs"
  | "stop"
  | "removeContainer"
  | "archive"
  | "pathStat"
  | "fileSystem"
  | "changes"
>;

/**
 * The engine's methods for containers.
 * @param apiVersion the engine's own, e.g. "1.41"; if it supports that, containers are made for linux/amd64 on any machine
 */
export function containersOf(
  docker: Docker,
  publish: PublishedPorts,
  labels: Readonly<Record<string, string>>,
  apiVersion: string,
): Part {
  const create = async (request: ContainerRequest): Promise<Docker.Container> => {
    const { name, image, anyPlatform = false } = request;
    const options = {
      // Otherwise dockerode repeats the body in the address, which engines log: secrets of the environment too.
      _query: {
        ...(name === undefined ? {} : { name }),
        ...(anyPlatform || apiMinor(apiVersion) < 41 ? {} : { platform: "linux/amd64" }),
      },
      _body: { ...createOptions(request, publish), Labels: { ...labels } },
    };
    try {
      return await docker.createContainer(options as Docker.ContainerCreateOptions);
    } catch (error) {
      throw engineFailed(`No container could be made from ${image}`, error);
    }
  };
  return {
    createContainer: async (request) => (await create(request)).id,
    async startContainer(id) {
      try {
        await docker.getContainer(id).start();
      } catch (error) {
        throw engineFailed("The container could not be started", error);
      }
    },
    runToEnd: (request, options) => runToEnd(() => create(request), options),
    container: (id) => stateOf(docker, id),
    async containers(wanted) {
      const found = await docker.listContainers({ all: true, filters: { label: [...wanted] } });
      return found.map((item) => ({
        id: item.Id,
        names: item.Names,
        labels: item.Labels,
        running: item.State === "running",
        createdAtMs: item.Created * 1000,
      }));
    },
    exec: (id, request) => execIn(docker, id, request),
    async logs(id, tail) {
      try {
        const data = await docker.getContainer(id).logs({ stdout: true, stderr: true, tail, follow: false });
        const text = frameReader()(data)
          .map((frame) => frame.data.toString("utf8"))
          .join("");
        return text
          .split(/\r?\n/u)
          .filter((line) => line !== "")
          .slice(-tail);
      } catch (error) {
        if (statusOf(error) === 404) return [];
        throw engineFailed("The container's output could not be read", error);
      }
    },
    async stop(id, graceSeconds) {
      try {
        await docker.getContainer(id).stop({ t: graceSeconds });
      } catch (error) {
        // 304: it has already ended.
        if (statusOf(error) !== 304 && statusOf(error) !== 404)
          throw engineFailed("The container could not be stopped", error);
      }
    },
    async removeContainer(id) {
      try {
        await docker.getContainer(id).remove({ force: true, v: true });
      } catch (error) {
        // 409: it is already being removed.
        if (statusOf(error) !== 404 && statusOf(error) !== 409)
          throw engineFailed("The container could not be removed", error);
      }
    },
    async archive(id, path, signal) {
      try {
        return (await docker
          .getContainer(id)
          .getArchive({ path, abortSignal: signal })) as unknown as Readable;
      } catch (error) {
        signal.throwIfAborted();
        if (statusOf(error) === 404) return undefined;
        throw engineFailed(`${path} could not be read from the container`, error);
      }
    },
    async pathStat(id, path, signal) {
      try {
        const container = docker.getContainer(id);
        const answer = (await container.infoArchive({
          path,
          abortSignal: signal,
        })) as unknown as IncomingMessage;
        answer.resume();
        const header = answer.headers["x-docker-container-path-stat"];
        return (typeof header === "string" ? readPathStat(header) : undefined) ?? "untold";
      } catch (error) {
        signal.throwIfAborted();
        if (statusOf(error) === 404) return undefined;
        throw engineFailed(`${path} could not be inspected in the container`, error);
      }
    },
    async fileSystem(id, signal) {
      try {
        return (await docker.getContainer(id).export({ abortSignal: signal })) as unknown as Readable;
      } catch (error) {
        signal.throwIfAborted();
        throw engineFailed("The container's files could not be read", error);
      }
    },
    async changes(id) {
      const found: unknown = await docker.getContainer(id).changes();
      // Without changes the engine answers null, which docker-modem returns as the bytes of that word.
      const changes = Array.isArray(found)
        ? (found as readonly { readonly Path: string; readonly Kind: number }[])
        : [];
      return changes.map(({ Path: path, Kind: kind }) => ({ path, kind: CHANGES[kind] ?? "modified" }));
    },
  };
}

function createOptions(request: ContainerRequest, publish: PublishedPorts): Docker.ContainerCreateOptions {
  const ports = (request.publish ?? []).map((port) => `${String(port)}/tcp`);
  return {
    Image: request.image,
    ...(request.env === undefined ? {} : { Env: [...request.env] }),
    ...(request.entrypoint === undefined ? {} : { Entrypoint: [...request.entrypoint] }),
    ...(request.cmd === undefined ? {} : { Cmd: [...request.cmd] }),
    ...(request.user === undefined ? {} : { User: request.user }),
    ...(request.workdir === undefined ? {} : { WorkingDir: request.workdir }),
    ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])),
    HostConfig: {
      ...(request.privileged === true ? { Privileged: true } : {}),
      ...(request.binds === undefined ? {} : { Binds: [...request.binds] }),
      ...(request.init === undefined ? {} : { Init: request.init }),
      ...(request.memoryBytes === undefined ? {} : { Memory: request.memoryBytes }),
      ...(request.network === undefined ? {} : { NetworkMode: request.network }),
      CapAdd: [...(request.capabilities ?? [])],
      SecurityOpt: [...(request.securityOptions ?? [])],
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
  try {
    const found = await docker.getContainer(id).inspect();
    const bindings = Object.entries(
      found.NetworkSettings.Ports as Readonly<
        Record<string, readonly { readonly HostPort: string }[] | null>
      >,
    );
    const finishedAtMs = Date.parse(found.State.FinishedAt);
    return {
      id: found.Id,
      running: found.State.Running,
      exitCode: found.State.ExitCode,
      oomKilled: found.State.OOMKilled,
      ...(finishedAtMs > 0 ? { finishedAtMs } : {}),
      error: found.State.Error,
      ports: Object.fromEntries(
        bindings.flatMap(([port, bound]) =>
          bound?.[0] === undefined ? [] : [[Number.parseInt(port, 10), Number(bound[0].HostPort)]],
        ),
      ),
    };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw engineFailed("The container could not be inspected", error);
  }
}
