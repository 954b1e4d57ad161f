import type { SandboxInstance } from "@blaxel/core";
import { sandboxHeaders } from "../blaxel/credentials-headers";
import { createSandbox, saying, type SandboxWish } from "../blaxel/sandboxes";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { timeLimit } from "../support/time-limit";

const POLL_MS = 100;

/** Rejects when the time is up; the work itself cannot be stopped and is left to end on its own. */
async function within<T>(host: Host, work: Promise<T>, limitMs: number, late: () => Failure): Promise<T> {
  const done = new AbortController();
  try {
    return await Promise.race([
      work,
      host.clock.sleep(limitMs, done.signal).then(() => {
        throw late();
      }),
    ]);
  } finally {
    done.abort();
    work.catch(() => undefined);
  }
}

function refused(image: string, error: unknown): Failure {
  const words = saying(error);
  const quota = /quota/iu.test(words);
  return new Failure({
    code: quota ? "BLAXEL_QUOTA" : "SANDBOX_CREATE",
    kind: "deploy",
    message: `The sandbox could not be created from ${image}: ${words}`,
    hint: quota
      ? "Delete sandboxes, ask for less --memory, or raise the quota."
      : "mesa-template list shows which images there are; bl get sandboxes what runs.",
    cause: error,
  });
}

/** Waits until the sandbox's own API answers: that it is said to be deployed does not say that it runs. */
async function waitUntilAnswering(host: Host, sandbox: SandboxInstance, until: number): Promise<void> {
  const base = (sandbox.metadata.url ?? "").replace(/\/$/u, "");
  const headers = await sandboxHeaders(host);
  let seen = "no answer";
  for (;;) {
    try {
      const response = await host.fetch(`${base}/health`, {
        headers,
        redirect: "error",
        signal: timeLimit(10_000, host.signal),
      });
      await response.body?.cancel();
      if (response.ok) return;
      seen = `HTTP ${String(response.status)}`;
    } catch (error) {
      host.signal.throwIfAborted();
      seen = messageOf(error);
    }
    if (host.clock.now() >= until)
      throw new Failure({
        code: "SANDBOX_NO_ANSWER",
        kind: "deploy",
        message: `The sandbox ${sandbox.metadata.name} was created, but its API does not answer (last: ${seen}).`,
        hint: `bl logs sandbox ${sandbox.metadata.name} tells what it says; mesa-template smoke shows whether the image starts.`,
      });
    await host.clock.sleep(POLL_MS, host.signal);
  }
}

/**
 * Creates a sandbox and waits until it answers.
 * @param limitMs for both together, in ms
 * @throws Failure BLAXEL_QUOTA, SANDBOX_CREATE, SANDBOX_CREATE_TIMEOUT, SANDBOX_NO_ANSWER (exit 7); it may be there all the same
 */
export async function createAnswering(
  host: Host,
  wish: SandboxWish,
  limitMs: number,
): Promise<SandboxInstance> {
  const until = host.clock.now() + limitMs;
  const late = (): Failure =>
    new Failure({
      code: "SANDBOX_CREATE_TIMEOUT",
      kind: "deploy",
      message: `The sandbox ${wish.name} was not created within ${String(Math.round(limitMs / 1000))} s.`,
      hint: "Try again, or in another --region; should it come up late, mesa-template sandbox clean removes it.",
    });
  let sandbox: SandboxInstance;
  try {
    sandbox = await within(host, createSandbox(host, wish), limitMs, late);
  } catch (error) {
    host.signal.throwIfAborted();
    throw error instanceof Failure ? error : refused(wish.image, error);
  }
  await waitUntilAnswering(host, sandbox, until);
  return sandbox;
}
