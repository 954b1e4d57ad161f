import type { SandboxInstance } from "@blaxel/core";
import { describe, expect, it } from "vitest";
import { runAndFollow } from "../../../../src/sandbox/commands/follow";
import { systemClock } from "../../../../src/support/clock";
import type { Host } from "../../../../src/support/host";
import { blaxelHost } from "../../blaxel-host";

const never = (): Promise<never> => new Promise(() => undefined);

/** A sandbox that takes a command: `get` tells of it, `rest` answers everything else. */
function sandboxThat(get: () => Promise<unknown>, rest: () => Promise<unknown>): SandboxInstance {
  const exec = ({ command }: { command: string }): Promise<unknown> =>
    command.startsWith("kill") ? rest() : Promise.resolve({ pid: "7" });
  return {
    metadata: { name: "mesa-run-1", url: "http://sandbox" },
    process: { exec, get },
    fs: { rm: rest },
  } as unknown as SandboxInstance;
}

/** Follows a command with a clock that makes a second of a hundred. */
function followed(
  sandbox: SandboxInstance,
  answer: (file: string) => Response,
  signal?: AbortSignal,
): Promise<readonly [exitCode: number, heard: readonly string[]]> {
  const heard: string[] = [];
  const host: Host = {
    ...blaxelHost("http://blaxel", signal),
    clock: { ...systemClock, sleep: (ms, ended) => systemClock.sleep(ms / 100, ended) },
    fetch: (url) => Promise.resolve(answer(/%2F(out|err)\?/u.exec(url as string)?.[1] ?? "")),
  };
  return runAndFollow(host, sandbox, {
    argv: ["true"],
    cwd: "/",
    env: {},
    onOutput: (stream, data) => {
      heard.push(`${stream}: ${Buffer.from(data).toString()}`);
    },
  }).then((exitCode) => [exitCode, heard]);
}

describe("following a command", () => {
  it("loses nothing of one output when the edge does not answer for the other", async () => {
    const asked = { out: 0, err: 0 };
    const state = { status: "completed", exitCode: 3 };
    const ended = sandboxThat(
      () => Promise.resolve(state),
      () => Promise.resolve(),
    );
    const answer = (file: string): Response => {
      asked[file as "out" | "err"] += 1;
      if (file === "err" && asked.err === 1) return new Response("bad gateway", { status: 502 });
      const first = asked[file as "out" | "err"] === (file === "err" ? 2 : 1);
      return first ? new Response(`said ${file}`, { status: 206 }) : new Response("", { status: 416 });
    };
    expect(await followed(ended, answer)).toEqual([3, ["stdout: said out", "stderr: said err"]]);
  });

  it("ends soon when it is interrupted, although the sandbox no longer answers", async () => {
    const stop = new AbortController();
    const hangs = sandboxThat(() => {
      stop.abort(new Error("Ctrl-C"));
      return never();
    }, never);
    const nothing = (): Response => new Response("", { status: 416 });
    await expect(followed(hangs, nothing, stop.signal)).rejects.toThrow("Ctrl-C");
  });
});
