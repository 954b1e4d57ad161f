import type { SandboxInstance } from "@blaxel/core";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { within } from "../support/processes/within";
import { waitForAnswer } from "./answering";
import { refusal, refusalKind, type RefusalKind } from "./refusals";
import { createSandbox, deleteSandbox, reasonOf, type SandboxRequest } from "./sandboxes";

/** A temporary sandbox. Its creation begins when this object exists. */
export type TemporarySandbox = ReturnType<typeof temporarySandbox>;

/** A sandbox of an existing image is created within seconds, and its API responds at once; in ms. */
const CREATE_LIMIT_MS = 180_000;
const ANSWER_LIMIT_MS = 60_000;
const ANSWER_POLL_MS = 100;
/** How long an abandoned creation may take to finish before its sandbox is deleted, in ms. */
const SETTLE_MS = 10_000;
const DELETE_MS = 20_000;

/** Refusals after which no sandbox exists, so there is none to delete. */
const NEVER_MADE: readonly RefusalKind[] = ["unauthorized", "forbidden", "quota"];

/**
 * Starts creating a sandbox.
 * @param clearing the removal of what dead runs left, which goes on meanwhile and has ended once the sandbox is removed
 * @param createLimitMs time limit for its creation, and at most a minute of it for its API to respond after that
 */
export function temporarySandbox(
  host: Host,
  request: SandboxRequest,
  clearing: Promise<unknown>,
  createLimitMs = CREATE_LIMIT_MS,
) {
  const { name, image } = request;
  let neverMade = false;
  const created = createSandbox(host, request).catch((error: unknown) => {
    neverMade = error instanceof Failure || NEVER_MADE.includes(refusalKind(reasonOf(error)));
    throw error;
  });
  created.catch(() => undefined);
  return {
    name,
    /**
     * The sandbox, once it is created and its API responds. Ctrl-C ends the waiting.
     * @throws Failure SANDBOX_CREATE, SANDBOX_CREATE_TIMEOUT, SANDBOX_NO_ANSWER, BLAXEL_… (exit 7 or 3)
     */
    async ready(): Promise<SandboxInstance> {
      let sandbox: SandboxInstance;
      try {
        const tooLate = (): Failure => late(name, createLimitMs);
        sandbox = await within(host.clock, created, createLimitMs, host.signal, tooLate);
      } catch (error) {
        host.signal.throwIfAborted();
        throw refused(image, error);
      }
      host.signal.throwIfAborted();
      const until = host.clock.now() + Math.min(createLimitMs, ANSWER_LIMIT_MS);
      const wait = { until, pollMs: ANSWER_POLL_MS };
      const { url } = sandbox.metadata;
      if (url === undefined) throw noAnswer(name, "Blaxel names no address for it");
      const last = await waitForAnswer(host, url, wait);
      if (last !== undefined) throw noAnswer(name, last);
      return sandbox;
    },
    /**
     * Deletes it, even if its creation was abandoned and finishes late. Ignores the run's signal, because Ctrl-C leads here.
     * @throws Failure SANDBOX_NOT_DELETED, or Blaxel's refusal
     */
    async remove(): Promise<void> {
      // A sandbox that is deleted during its creation stays.
      await within(host.clock, created, SETTLE_MS, undefined, () => late(name, SETTLE_MS)).catch(
        () => undefined,
      );
      const deleted = neverMade
        ? undefined
        : within(host.clock, deleteSandbox(host, name), DELETE_MS, undefined, () => notDeleted(name));
      await Promise.all([deleted, clearing]);
    },
  };
}

function late(name: string, limitMs: number): Failure {
  return new Failure({
    code: "SANDBOX_CREATE_TIMEOUT",
    kind: "deploy",
    message: `The sandbox ${name} was not created within ${String(Math.round(limitMs / 1000))} s.`,
    hint: "Try again, or in another region. If it starts late, mesa-template sandbox clean removes it.",
  });
}

function notDeleted(name: string): Failure {
  return new Failure({
    code: "SANDBOX_NOT_DELETED",
    kind: "deploy",
    message: `Blaxel did not delete the sandbox ${name} within ${String(DELETE_MS / 1000)} s.`,
    hint: `Delete it: bl delete sandbox ${name}.`,
  });
}

function noAnswer(name: string, seen: string): Failure {
  return new Failure({
    code: "SANDBOX_NO_ANSWER",
    kind: "deploy",
    message: `The sandbox ${name} was created, but its API is not responding (last answer: ${seen}).`,
    hint: `Read its log: bl logs sandbox ${name}. mesa-template smoke shows whether the image starts.`,
  });
}

/** Quota, rights and network say nothing about the image; a missing file on this machine says nothing about Blaxel. */
function refused(image: string, error: unknown): unknown {
  if (error instanceof Failure || (error instanceof Error && "syscall" in error && "path" in error))
    return error;
  const words = reasonOf(error);
  const message = `The sandbox could not be created from ${image}: ${words}`;
  if (!["other", "not-found"].includes(refusalKind(words))) return refusal(message, words);
  return new Failure({
    code: "SANDBOX_CREATE",
    kind: "deploy",
    message,
    hint: "mesa-template drift tells whether Blaxel still has a version's image. If not, release that version with --force.",
    cause: error,
  });
}
