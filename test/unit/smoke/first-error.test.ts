import { describe, expect, it } from "vitest";
import { hostDevices } from "../../../src/docker/containers/host-devices";
import type { Engine } from "../../../src/docker/index";
import { imageSubject } from "../../../src/smoke/subjects/image-subject";
import { startContainer } from "../../../src/smoke/subjects/start-container";
import { testHost, type TestHost } from "../lock/fixture/test-host";

const lost = (what: string) => (): Promise<never> => Promise.reject(new Error(what));
const ok =
  <T>(value: T) =>
  (): Promise<T> =>
    Promise.resolve(value);

/** Answers with these, one a call; the last one stays. */
function inTurn<T>(...answers: readonly (() => Promise<T>)[]): () => Promise<T> {
  let calls = 0;
  return () => {
    const answer = answers[Math.min(calls++, answers.length - 1)];
    return answer === undefined ? Promise.reject(new Error("no answer")) : answer();
  };
}

const state = { exitCode: 0, oomKilled: false, finishedAtMs: undefined, error: "", ports: {} };
const running = ok({ running: true, ...state });

const NEEDS = { ports: [], devices: [] };

/** An engine that makes everything and can remove nothing. */
function engineThatKeeps(more: Partial<Engine>): Engine {
  const engine: Partial<Engine> = {
    facts: { publish: { reachedAt: "127.0.0.1" } } as Engine["facts"],
    images: ok([]),
    emptyImage: ok("sha256:empty"),
    createContainer: ok("c0ffee"),
    startContainer: ok(undefined),
    container: running,
    exec: ok({ exitCode: 0, stdout: "", stderr: "", timedOut: false }),
    removeContainer: lost("the container stays"),
    removeImage: lost("the image stays"),
    ...more,
  };
  return engine as Engine;
}

const cases: readonly (readonly [
  string,
  Partial<Engine>,
  (host: TestHost, engine: Engine) => Promise<unknown>,
])[] = [
  [
    "a look at the engine's devices",
    { entry: lost("the cause") },
    (host, engine) => hostDevices(host, engine, ["/dev/fuse"]),
  ],
  [
    "a container that does not start",
    { startContainer: lost("the cause") },
    (host, engine) => startContainer(host, engine, "x:1", NEEDS),
  ],
  [
    "an image's own program that is watched",
    { container: inTurn<undefined | Awaited<ReturnType<typeof running>>>(running, lost("the cause")) },
    (host, engine) => imageSubject(host, engine, "x:1", NEEDS),
  ],
];

describe("what went wrong first is what is said, though nothing can be removed:", () => {
  it.each(cases)("%s", async (_, more, work) => {
    const host = testHost();
    await expect(work(host, engineThatKeeps(more))).rejects.toThrow("the cause");
    const told = host.events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
    expect(told.join()).toMatch(/the container c0ffee could not be removed: the container stays/u);
  });

  it("of a work that was done, the removal is what went wrong", async () => {
    const engine = engineThatKeeps({ entry: ok(undefined) });
    await expect(hostDevices(testHost(), engine, ["/dev/fuse"])).rejects.toThrow("the container stays");
  });
});
