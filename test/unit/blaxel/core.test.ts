import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Host } from "../../../src/support/host";
import { createRedactor } from "../../../src/support/redact";

const BLAXEL = "https://api.blaxel.ai/v0";
const HERE = "http://127.0.0.1:9/v0";

function host(env: Readonly<Record<string, string>>): Host {
  return { env, redact: createRedactor(env) } as unknown as Host;
}

describe("signing @blaxel/core in", () => {
  let blaxelCore: (host: Host) => Promise<unknown>;
  beforeEach(async () => {
    vi.resetModules();
    vi.stubEnv("BL_API_URL", undefined);
    ({ blaxelCore } = await import("../../../src/blaxel/core"));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("takes the same account again, and moves no working directory", async () => {
    const before = process.cwd();
    const moved = vi.spyOn(process, "chdir");
    const same = { BL_WORKSPACE: "staging", BL_API_KEY: "key-1" };
    await blaxelCore(host(same));
    await blaxelCore(host(same));
    expect(moved).not.toHaveBeenCalled();
    expect(process.cwd()).toBe(before);
  });

  it.each([
    ["another workspace", { BL_WORKSPACE: "prod", BL_API_KEY: "key-1" }],
    ["another key of the same workspace", { BL_WORKSPACE: "staging", BL_API_KEY: "key-2" }],
    ["client credentials", { BL_WORKSPACE: "staging", BL_CLIENT_CREDENTIALS: "aWQ6c2VjcmV0" }],
  ])("refuses %s in the same process, without showing a key", async (_what, other) => {
    await blaxelCore(host({ BL_WORKSPACE: "staging", BL_API_KEY: "key-1" }));
    const refused = await blaxelCore(host(other)).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ code: "BLAXEL_ACCOUNT_TAKEN", kind: "usage" });
    expect((refused as Error).message).not.toMatch(/key-|aWQ6/u);
  });

  it.each([
    [BLAXEL, HERE],
    [HERE, BLAXEL],
  ])("refuses to ask %s where %s is meant", async (process_, meant) => {
    if (process_ !== BLAXEL) vi.stubEnv("BL_API_URL", process_);
    const env = { BL_WORKSPACE: "w", BL_API_KEY: "k", ...(meant === BLAXEL ? {} : { BL_API_URL: meant }) };
    await expect(blaxelCore(host(env))).rejects.toMatchObject({
      code: "BLAXEL_API_MISMATCH",
      message: expect.stringContaining(process_) as string,
    });
  });

  it("asks the API that both name", async () => {
    vi.stubEnv("BL_API_URL", HERE);
    await expect(
      blaxelCore(host({ BL_WORKSPACE: "w", BL_API_KEY: "k", BL_API_URL: HERE })),
    ).resolves.toBeDefined();
  });
});
