import type { SandboxInstance } from "@blaxel/core";
import { waitForAnswer } from "../blaxel/answering";
import { createSandbox, saying, type SandboxWish } from "../blaxel/sandboxes";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { within } from "../support/within";

const POLL_MS = 100;

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
async function waitUntilAnswering(host: Host, { metadata }: SandboxInstance, until: number): Promise<void> {
  const answer = await waitForAnswer(host, metadata.url ?? "", { until, pollMs: POLL_MS });
  if (answer.answers) return;
  throw new Failure({
    code: "SANDBOX_NO_ANSWER",
    kind: "deploy",
    message: `The sandbox ${metadata.name} was created, but its API does not answer (last: ${answer.seen}).`,
    hint: `bl logs sandbox ${metadata.name} tells what it says; mesa-template smoke shows whether the image starts.`,
  });
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
    sandbox = await within(host.clock, createSandbox(host, wish), limitMs, late);
  } catch (error) {
    host.signal.throwIfAborted();
    throw error instanceof Failure ? error : refused(wish.image, error);
  }
  await waitUntilAnswering(host, sandbox, until);
  return sandbox;
}
