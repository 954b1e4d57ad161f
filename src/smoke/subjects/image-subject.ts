import type { ContainerRequest, Engine } from "../../docker/index";
import { warnThatStays } from "../../support/processes/clean-up";
import { Failure, messageOf } from "../../support/errors";
import type { Host } from "../../support/host";
import type { Command, CommandResult, Subject } from "../check";
import type { SmokeContainer } from "./container";
import { whyDied } from "./died";
import { deviceAccess, publishedPorts, startWithDevices, type ContainerOptions } from "./start-container";

/** After this time the image's own program counts as staying up, in ms. */
const STAYS_UP_MS = 500;

/** A subject made of an image, and its removal. */
export interface ImageSubject extends Subject, Pick<SmokeContainer, "missingDevices"> {
  readonly close: () => Promise<void>;
}

/**
 * Makes a subject of any local image. Its own program runs, so that checks can reach what it serves. If the program has ended (an image of
 * a tool), a shell keeps the container up; without a shell, each command gets its own container.
 * @throws Failure CONTAINER_START (exit 6)
 */
export async function imageSubject(
  host: Host,
  engine: Engine,
  image: string,
  { ports, devices }: ContainerOptions,
): Promise<ImageSubject> {
  const request: ContainerRequest = { image, init: true, publish: publishedPorts(ports) };
  const idling = { entrypoint: ["sh"], cmd: ["-c", "while :; do sleep 600; done"] };
  const own = await startedAndStays(host, engine, devices, request);
  const ended = typeof own === "string" ? { ended: `the image's own program does not run: ${own}` } : {};
  const container =
    typeof own === "string" ? await startedAndStays(host, engine, devices, { ...request, ...idling }) : own;
  if (typeof container === "string")
    return {
      ...eachInItsOwn(host, engine, { ...request, ...deviceAccess(engine, devices) }, container),
      ...ended,
    };
  const shell = await container.run({ argv: ["sh", "-c", ":"] }).catch(messageOf);
  const refusal =
    typeof shell === "string" ? shell : shell.exitCode === 0 ? "" : shell.stderr || shell.stdout;
  return {
    ...container,
    ...(refusal === "" ? {} : { noShell: noShell(refusal) }),
    ...ended,
    close: () => engine.removeContainer(container.id),
  };
}

function noShell(words: string): string {
  return `no shell starts in the image (${words.trim().slice(0, 300)})`;
}

/** A container that is still running after a moment; else (and removed) why its program could not start, or that it has ended. */
async function startedAndStays(
  host: Host,
  engine: Engine,
  devices: readonly string[],
  request: ContainerRequest,
): Promise<SmokeContainer | string> {
  let container: SmokeContainer;
  try {
    container = await startWithDevices(host, engine, devices, request);
  } catch (error) {
    host.signal.throwIfAborted();
    // A lost engine says nothing about the image; a program that cannot start does.
    if (error instanceof Failure && error.code === "CONTAINER_START") return messageOf(error.cause);
    throw error;
  }
  const { id } = container;
  let died: Failure | undefined;
  try {
    await host.clock.sleep(STAYS_UP_MS, host.signal);
    died = await whyDied(host, engine, id, "at once");
    if (died === undefined) return container;
  } catch (error) {
    await engine.removeContainer(id).catch(warnThatStays(host, `the container ${id.slice(0, 12)}`));
    throw error;
  }
  await engine.removeContainer(id);
  return [died.message, ...died.log.slice(-5)].join("\n");
}

function eachInItsOwn(host: Host, engine: Engine, request: ContainerRequest, why: string): ImageSubject {
  const nothing =
    "nothing answers: the image's program has exited, and there is no shell to keep the container running";
  return {
    kind: "container",
    noShell: noShell(why),
    api: { url: "", headers: {} },
    run: (command) => runInOwn(host, engine, request, command),
    request: () => Promise.reject(new Error(nothing)),
    missingDevices: {},
    close: () => Promise.resolve(),
  };
}

async function runInOwn(
  host: Host,
  engine: Engine,
  request: ContainerRequest,
  { argv = [], user, env, cwd, timeoutMs = 60_000 }: Command,
): Promise<CommandResult> {
  const startedAt = host.clock.now();
  const [entrypoint = "", ...cmd] = argv;
  const result = await engine.runToEnd(
    {
      ...request,
      // Without an init, which would itself report a missing program with 127.
      init: false,
      publish: [],
      entrypoint: [entrypoint],
      cmd,
      user,
      workdir: cwd,
      env: Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`),
    },
    timeoutMs,
  );
  return { ...result, durationMs: host.clock.now() - startedAt };
}
