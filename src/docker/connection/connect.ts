import { systemClock } from "../../support/clock";
import { Failure, hasErrno, messageOf } from "../../support/errors";
import type { Host } from "../../support/host";
import { within } from "../../support/processes/within";
import { engineAddresses } from "./address";
import { containersOf } from "../containers/containers";
import { connectionTo } from "./dockerode-options";
import { ask, engineFacts } from "./daemon";
import type { Engine } from "../engine";
import { imagesOf } from "../images";
import { removeLeft } from "../leftovers";
import { imageReader } from "../saved-image/read-image";
import { watchForSilence } from "./watch";

const HINT =
  "Start Docker (or a Podman socket: systemctl --user start podman.socket), or point DOCKER_HOST or the docker context at an engine; `docker info` must work for this user.";

/**
 * The engine of a run, found like the docker command does (DOCKER_HOST, context, sockets), and its facts. First removes what dead runs
 * left on it.
 * @throws Failure ENGINE_UNREACHABLE (exit 3) with what was tried
 */
export async function connectEngine(host: Host): Promise<Engine> {
  const tried: string[] = [];
  let forbidden: string | undefined;
  let last: unknown;
  for (const address of engineAddresses(host.env)) {
    try {
      const { default: Dockerode } = await import("dockerode");
      const { agent, options } = await connectionTo(address, host.env);
      const docker = withoutDockerHost(() => new Dockerode(options));
      const ping = (signal: AbortSignal): Promise<unknown> => ask(docker, "GET", "/_ping", signal);
      watchForSilence(agent, { ping, interrupted: host.signal });
      const limitMs = address.url.startsWith("ssh:") ? 40_000 : 10_000;
      const facts = await within(systemClock, engineFacts(docker, address), limitMs, host.signal);
      const { saveImage, ...images } = imagesOf(host, docker, facts.apiVersion);
      const engine = {
        facts,
        ...images,
        readImage: imageReader(host, saveImage),
        ...containersOf(host, docker, facts.publish, facts.apiVersion),
      };
      await removeLeft(
        host,
        (labels) => engine.containers(labels),
        (id) => engine.removeContainer(id),
      );
      return engine;
    } catch (error) {
      host.signal.throwIfAborted();
      if (error instanceof Failure) throw error;
      last = error;
      if (hasErrno(error, "EACCES")) forbidden ??= address.url;
      tried.push(`${address.url} (${address.source}): ${messageOf(error) || "no answer"}`);
    }
  }
  throw new Failure({
    code: "ENGINE_UNREACHABLE",
    kind: "environment",
    message:
      forbidden === undefined
        ? "No container engine answers."
        : `Permission denied: this user may not open ${forbidden.replace(/^unix:\/\//u, "")}.`,
    log: tried,
    hint:
      forbidden === undefined
        ? HINT
        : "Add the user to the socket's group (sudo usermod -aG docker USER) and log in again, or use a rootless engine.",
    cause: last,
  });
}

/** Keeps DOCKER_HOST and its relatives from docker-modem, whose constructor reads them by rules of its own. */
function withoutDockerHost<T>(create: () => T): T {
  const named = process.env["DOCKER_HOST"];
  delete process.env["DOCKER_HOST"];
  try {
    return create();
  } finally {
    if (named !== undefined) process.env["DOCKER_HOST"] = named;
  }
}
