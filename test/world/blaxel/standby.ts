import type { ServerResponse } from "node:http";
import type { WorldTools } from "../part";
import { findPorts, waitForApi } from "./containers";
import type { Sandbox } from "./state";

/** Freezes or archives the sandboxes that nobody asked for a while, when the faults say so. Each is an occasion. */
export async function putToSleep(tools: WorldTools, sandboxes: Iterable<Sandbox>): Promise<void> {
  for (const sandbox of sandboxes) {
    const { containerId, asking, askedAt, asleep } = sandbox;
    if (containerId === undefined || asking > 0 || asleep !== undefined) continue;
    const idle = Date.now() - askedAt;
    const rests = (name: "standby" | "archive"): Readonly<Record<string, unknown>> | undefined => {
      const args = tools.faults.peek(name);
      const ms = typeof args?.["ms"] === "number" ? args["ms"] : 1000;
      const isMeant = (args?.["sandbox"] ?? sandbox.name) === sandbox.name;
      return args !== undefined && isMeant && idle >= ms ? tools.faults.take(name) : undefined;
    };
    const standby = rests("standby");
    if (standby !== undefined) await freeze(tools, sandbox, containerId, standby["mode"] === "hangs");
    else if (rests("archive") !== undefined) await archive(tools, sandbox, containerId);
  }
}

/** All its processes stand still, its connections are gone, the clock goes on. */
async function freeze(tools: WorldTools, sandbox: Sandbox, id: string, hang: boolean): Promise<void> {
  const container = tools.docker.getContainer(id);
  const frozen = container.pause();
  sandbox.asleep = {
    async wake() {
      await frozen;
      await container.unpause();
    },
  };
  await frozen;
  tools.connections.cuts += 1;
  tools.connections.hang = hang;
}

/** Its files are kept, its processes end without a word. */
async function archive(tools: WorldTools, sandbox: Sandbox, id: string): Promise<void> {
  const container = tools.docker.getContainer(id);
  sandbox.status = "ARCHIVING";
  const stopped = container.kill();
  sandbox.asleep = {
    async wake() {
      await stopped;
      sandbox.status = "UNARCHIVING";
      await container.start();
      await findPorts(container, sandbox);
      await waitForApi(sandbox, 30_000);
      sandbox.status = "DEPLOYED";
    },
  };
  await stopped;
  sandbox.status = "ARCHIVED";
}

/** Wakes a sandbox that somebody asks for something; it is in use until that is answered. */
export async function woken(sandbox: Sandbox, response: ServerResponse): Promise<void> {
  sandbox.asking += 1;
  response.on("close", () => {
    sandbox.asking -= 1;
    sandbox.askedAt = Date.now();
  });
  const { asleep } = sandbox;
  if (asleep === undefined) return;
  asleep.waking ??= asleep.wake();
  await asleep.waking;
  sandbox.asleep = undefined;
}
