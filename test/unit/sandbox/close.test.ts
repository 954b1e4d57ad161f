import type { SandboxInstance } from "@blaxel/core";
import { beforeEach, describe, expect, it } from "vitest";
import { cleanUp, type CreatedParts, type Leftovers } from "../../../src/sandbox/close";
import { systemClock } from "../../../src/support/clock";
import { localServer } from "../local-server";
import { testHost } from "../lock/fixture/test-host";

describe("cleaning up after a session", () => {
  let done: string[];
  let waits: number[];
  let revocation: "done" | "refused";

  beforeEach(() => {
    [done, waits, revocation] = [[], [], "done"];
  });
  const server = localServer((request, response) => {
    done.push(`${request.method ?? ""} ${request.url ?? ""}`);
    response.writeHead(revocation === "done" ? 200 : 500).end("{}");
  });

  /** Cleans up with a clock that makes a second of each minute. */
  function cleanedUp(
    unmount: () => Promise<{ readonly exitCode: number; readonly logs: string }>,
    remove: () => Promise<void> = () => Promise.resolve(void done.push("delete")),
    signal = new AbortController().signal,
  ): Promise<Leftovers> {
    const exec = (): ReturnType<typeof unmount> => {
      done.push("unmount");
      return unmount();
    };
    const plan = {
      mountPoint: "/m",
      leftovers: [],
      logFile: "/l",
      env: {},
      paths: {},
      script: "",
      secrets: [],
    };
    const parts: CreatedParts = {
      name: "mesa-run-1",
      access: {
        apiUrl: `${server.url}/v1`,
        org: "acme",
        credential: { kind: "api-key", apiKey: "k" },
      },
      keyIds: ["key1"],
      unused: [{ repo: "acme/demo", bookmark: "draft/1", into: "main" }],
      temporary: { name: "mesa-run-1", ready: () => Promise.reject(new Error("not asked for")), remove },
      mounted: { sandbox: { process: { exec } } as unknown as SandboxInstance, plan },
    };
    const sleep = (ms: number, ended?: AbortSignal): Promise<void> => {
      waits.push(ms);
      return systemClock.sleep(ms / 60, ended);
    };
    return cleanUp({ ...testHost({ signal }), clock: { now: Date.now, sleep } }, parts);
  }

  const flushed = (): Promise<{ exitCode: number; logs: string }> =>
    Promise.resolve({ exitCode: 0, logs: "" });
  const hangs = (): Promise<never> => new Promise(() => undefined);

  it("flushes while the credential lives, then revokes and deletes", async () => {
    expect(await cleanedUp(flushed)).toEqual([]);
    expect(done[0]).toBe("unmount");
    expect(done.slice(1).sort()).toEqual([
      "DELETE /v1/acme/api-keys/key1",
      "DELETE /v1/acme/demo/bookmarks/draft%2F1",
      "delete",
    ]);
  });

  it("does not let a sandbox that hangs delay the revocation for long, after Ctrl-C even less", async () => {
    expect(await cleanedUp(hangs)).toEqual([expect.stringMatching(/not flushed within 20 s/u)]);
    expect(done).toContain("DELETE /v1/acme/api-keys/key1");
    expect(await cleanedUp(hangs, undefined, AbortSignal.abort(new Error("Ctrl-C")))).toEqual([
      expect.stringMatching(/not flushed within 5 s/u),
    ]);
    expect(waits.filter((ms) => ms < 60_000)).toEqual([20_000, 5_000]);
    expect(done.filter((one) => one === "delete")).toHaveLength(2);
  });

  it("revokes although the sandbox cannot be deleted, and deletes although the key cannot be revoked", async () => {
    const clean = "mesa-template sandbox clean mesa-run-1";
    const stays = (): Promise<never> => Promise.reject(new Error("out of order"));
    expect(await cleanedUp(flushed, stays)).toEqual([
      `the sandbox mesa-run-1 could not be deleted (${clean}): out of order`,
    ]);
    expect(done).toContain("DELETE /v1/acme/api-keys/key1");
    revocation = "refused";
    expect(await cleanedUp(flushed)).toEqual([
      expect.stringContaining(`the credential key1 could not be revoked (${clean}; it expires by itself): `),
      expect.stringContaining("the bookmark draft/1 of acme/demo could not be deleted"),
    ]);
    expect(done).toContain("delete");
  });
});
