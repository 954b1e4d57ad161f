import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { decodeStatus } from "../../../../src/docker/builds/buildkit-trace";
import { followBuild, type BuildEnding } from "../../../../src/docker/builds/follow-build";
import { log, traceLine, vertex } from "../fixture/protobuf";

const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
const text = (stream: string): string => line({ stream });

async function follow(
  lines: readonly string[],
): Promise<{ ending: BuildEnding; steps: string[]; printed: string[] }> {
  const steps: string[] = [];
  const printed: string[] = [];
  const ending = await followBuild(
    Readable.from(lines.map((one) => Buffer.from(one))),
    { signal: new AbortController().signal, silenceMs: 1000 },
    {
      onStep: (step) => steps.push(step),
      onLine: (one) => printed.push(one),
    },
  );
  return { ending, steps, printed };
}

describe("a BuildKit build", () => {
  it("names the step that failed, with that step's own last lines", async () => {
    const accent = Buffer.from("hé\n");
    const { ending, steps } = await follow([
      traceLine(vertex({ digest: "a", name: "[1/3] FROM base", cached: true })),
      traceLine(
        vertex({ digest: "b", name: "[2/3] RUN one", started: true }),
        vertex({ digest: "c", name: "[x 1/2] RUN two", started: true }),
      ),
      traceLine(log("b", "of one\n"), log("c", "of two\n"), log("c", accent.subarray(0, 2))),
      traceLine(log("c", accent.subarray(2)), log("c", "no newline at its end")),
      traceLine(
        vertex({ digest: "b", error: "context canceled" }),
        vertex({ digest: "c", error: "exit code: 3" }),
      ),
      line({
        errorDetail: { message: "executor failed running [/bin/sh -c two]: exit code: 3" },
        error: "…",
      }),
    ]);
    expect(ending).toEqual({
      ok: false,
      message: "executor failed running [/bin/sh -c two]: exit code: 3",
      step: "[x 1/2] RUN two",
      lines: ["of two", "hé", "no newline at its end"],
      made: [],
    });
    expect(steps).toEqual(["[1/3] FROM base", "[2/3] RUN one", "[x 1/2] RUN two"]);
  });

  it("ends well with an image", async () => {
    const { ending } = await follow([
      traceLine(vertex({ digest: "a", name: "[1/1] FROM base", started: true })),
      line({ id: "moby.image.id", aux: { ID: "sha256:1234" } }),
    ]);
    expect(ending).toEqual({ ok: true, made: [] });
  });

  it("is broken, not good, when it ends without an image", async () => {
    await expect(
      follow([traceLine(vertex({ digest: "a", name: "[1/1] FROM base", started: true }))]),
    ).rejects.toMatchObject({ code: "ENGINE_GONE", kind: "environment" });
  });

  it("keeps only the last lines of a step that talks a lot", async () => {
    const many = Array.from({ length: 500 }, (_, index) => `line ${String(index)}\n`).join("");
    const { ending } = await follow([
      traceLine(vertex({ digest: "a", name: "RUN", started: true })),
      traceLine(log("a", many)),
      traceLine(vertex({ digest: "a", error: "exit" })),
      line({ error: "exit" }),
    ]);
    expect(ending.ok ? [] : ending.lines).toHaveLength(40);
    expect(ending.ok ? "" : ending.lines.at(-1)).toBe("line 499");
  });
});

describe("a classic build", () => {
  const until = [
    text("Step 1/3 : FROM base"),
    text("\n"),
    text(" ---> 6b06e99c8c1d\n"),
    text("Step 2/3 : RUN false"),
    text("\n"),
  ];

  it("names the step that failed", async () => {
    const { ending } = await follow([
      ...until,
      text(" ---> Running in b719618f4889\n"),
      text("oh no\n"),
      line({
        errorDetail: { code: 1, message: "The command '/bin/sh -c false' returned a non-zero code: 1" },
      }),
    ]);
    expect(ending).toMatchObject({ ok: false, step: "[2/3] RUN false" });
    expect(ending.ok ? [] : ending.lines).toContain("oh no");
  });

  it("tells which images it made itself: not the base, not what came from the cache", async () => {
    const { ending } = await follow([
      ...until,
      text(" ---> Using cache\n"),
      text(" ---> aaaaaaaaaaaa\n"),
      text("Step 3/3 : RUN true"),
      text("\n"),
      text(" ---> bbbbbbbbbbbb\n"),
      line({ aux: { ID: "sha256:bbbb" } }),
      text("Successfully built bbbbbbbbbbbb\n"),
    ]);
    expect(ending).toEqual({ ok: true, made: ["bbbbbbbbbbbb"] });
  });
});

describe("a trace", () => {
  it("refuses bytes that are cut off", () => {
    const whole = log("a", "some output");
    expect(decodeStatus(whole).logs[0]?.vertex).toBe("a");
    expect(() => decodeStatus(whole.subarray(0, whole.length - 3))).toThrow("shorter than it says");
  });
});
