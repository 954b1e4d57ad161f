import { describe, expect, it } from "vitest";
import type { Platform, SandboxState } from "../../../../src/blaxel/platform";
import { waitUntilDeployed, type Waited } from "../../../../src/deploy/watching/wait";
import { Failure } from "../../../../src/support/errors";
import type { Host } from "../../../../src/support/host";
import { createRedactor } from "../../../../src/support/redact";

const A = "sandbox/x:aaaaaaaaaaaa";
const B = "sandbox/x:bbbbbbbbbbbb";
const POLL = 3_000;

/** What a platform shows from a moment on (ms since the wait began). */
type Story = readonly { readonly at: number; readonly status: string | Failure; readonly image?: string }[];

interface Told {
  readonly looks: number;
  readonly endedAt: number;
  readonly result: Promise<Waited>;
}

/** Waits for a deploy on a platform that tells a story, on a clock that jumps. */
async function waited(
  story: Story,
  more: {
    deadline?: number;
    before?: { status: string; image: string };
    imports?: string;
    log?: string;
  } = {},
): Promise<Told> {
  let [now, looks] = [0, 0];
  const platform: Platform = {
    getSandbox: () => {
      looks += 1;
      const { status = "", image = A } = [...story].reverse().find(({ at }) => at <= now) ?? {};
      if (status instanceof Failure) return Promise.reject(status);
      const sandbox: SandboxState = {
        name: "x",
        status,
        image,
        envs: {},
        url: undefined,
        createdAt: undefined,
      };
      return Promise.resolve(sandbox);
    },
    getImage: () => Promise.reject(new Error("not asked")),
    logLines: () => Promise.resolve([more.log ?? "last words"]),
    deleteImage: () => Promise.reject(new Error("not asked")),
  };
  const host: Host = {
    env: {},
    clock: {
      now: () => now,
      sleep: (ms) => {
        now += ms;
        return Promise.resolve();
      },
    },
    fetch: globalThis.fetch,
    run: () => Promise.reject(new Error("not here")),
    emit: () => undefined,
    redact: createRedactor({}),
    signal: new AbortController().signal,
    runId: "r",
  };
  const result = waitUntilDeployed(
    {
      host,
      platform,
      name: "x",
      pollMs: POLL,
      graceMs: 180_000,
      deadline: more.deadline ?? 900_000,
      source: more.imports === undefined ? undefined : { reference: more.imports },
      onProgress: () => undefined,
    },
    { before: more.before ?? { status: "DEPLOYED", image: A }, sentAt: 0 },
  );
  await result.catch(() => undefined);
  return { looks, endedAt: now, result };
}

const gateway = new Failure({ code: "BLAXEL_GATEWAY", kind: "deploy", message: "502 Bad Gateway" });
const unauthorized = new Failure({ code: "BLAXEL_UNAUTHORIZED", kind: "environment", message: "401" });

describe("waiting for a deploy", () => {
  it.each([0, 1, 2_999, 3_000, 100_000])("adds little to a build of %i ms", async (buildMs) => {
    const { endedAt, looks, result } = await waited([
      { at: 0, status: "BUILDING" },
      { at: buildMs, status: "DEPLOYED", image: B },
    ]);
    await expect(result).resolves.toMatchObject({ is: "deployed", sandbox: { image: B } });
    expect(endedAt - buildMs).toBeLessThanOrEqual(Math.min(POLL, POLL / 6 + buildMs / 10));
    expect(looks).toBeLessThanOrEqual(Math.ceil(buildMs / POLL) + 15);
  });

  it("survives a gateway that is down for a while", async () => {
    const { result } = await waited([
      { at: 0, status: "BUILDING" },
      { at: 10_000, status: gateway },
      { at: 200_000, status: "DEPLOYED", image: B },
    ]);
    await expect(result).resolves.toMatchObject({ is: "deployed" });
  });

  it("says what the gateway said when it stays down", async () => {
    const { result, endedAt } = await waited([{ at: 0, status: gateway }], { deadline: 60_000 });
    await expect(result).rejects.toThrow("502 Bad Gateway");
    expect(endedAt).toBe(60_000);
  });

  it("fails at once when the key is no longer accepted", async () => {
    const { result, looks } = await waited([{ at: 0, status: unauthorized }]);
    await expect(result).rejects.toMatchObject({ code: "BLAXEL_UNAUTHORIZED" });
    expect(looks).toBe(1);
  });

  it("fails for an upload that never arrives, after the grace, with the log", async () => {
    const { result, endedAt } = await waited([{ at: 0, status: "UPLOADING" }]);
    await expect(result).rejects.toMatchObject({
      code: "BUILD_NOT_STARTED",
      kind: "deploy",
      log: ["last words"],
    });
    expect(endedAt - 180_000).toBeLessThan(POLL);
    expect(endedAt).toBeGreaterThanOrEqual(180_000);
  });

  it("gives a build all the time there is, and no more", async () => {
    const { result, endedAt } = await waited([{ at: 0, status: "BUILDING" }]);
    await expect(result).rejects.toMatchObject({ code: "DEPLOY_TIMEOUT", log: ["last words"] });
    expect(endedAt).toBe(900_000);
  });

  it("tells an update that was dropped from one that went through", async () => {
    const { result, endedAt } = await waited([{ at: 0, status: "DEPLOYED" }]);
    await expect(result).resolves.toMatchObject({ is: "unchanged" });
    expect(endedAt - 180_000).toBeLessThan(POLL);
    expect(endedAt).toBeGreaterThanOrEqual(180_000);
  });

  it("tells a sandbox that somebody ends from a build that fails", async () => {
    const { result } = await waited([
      { at: 0, status: "BUILDING" },
      { at: 5_000, status: "DELETING" },
    ]);
    await expect(result).rejects.toMatchObject({ code: "SANDBOX_ENDED", log: ["last words"] });
  });

  it("fails with the log where the build fails", async () => {
    const { result } = await waited([
      { at: 0, status: "BUILDING" },
      { at: 5_000, status: "FAILED" },
    ]);
    await expect(result).rejects.toMatchObject({ code: "REMOTE_BUILD_FAILED", log: ["last words"] });
    await expect(result).rejects.toThrow("Blaxel says FAILED");
  });

  it.each([
    ["UNAUTHORIZED: authentication required", /refuses Blaxel.*private = true/u],
    ["MANIFEST_UNKNOWN: manifest unknown", /retention rule/u],
    ["dial tcp: lookup registry.example: no such host", /must reach the registry/u],
  ])("tells why an import failed, and what to do: %s", async (log, hint) => {
    const imports = "registry.example/boxes/x@sha256:aa";
    const story: Story = [
      { at: 0, status: "BUILDING" },
      { at: 5_000, status: "FAILED" },
    ];
    const { result } = await waited(story, { imports, log });
    await expect(result).rejects.toMatchObject({ code: "IMPORT_FAILED", kind: "deploy", log: [log] });
    await expect(result).rejects.toMatchObject({ hint: expect.stringMatching(hint) as unknown });
    await expect(result).rejects.toThrow(`did not import ${imports}`);
  });
});
