import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { blaxelCredentials, workspaceInUse, type BlaxelCredentials } from "../../../src/blaxel/credentials";
import { checkCredentials } from "../../../src/blaxel/control-plane";
import type { Host } from "../../../src/support/host";
import { createRedactor } from "../../../src/support/redact";
import { blaxelHost } from "../blaxel-host";

const home = mkdtempSync(join(tmpdir(), "bl-home-"));
mkdirSync(join(home, ".blaxel"));
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

const hostWith = (config: string): Host => {
  writeFileSync(join(home, ".blaxel/config.yaml"), config);
  return { env: { HOME: home }, redact: createRedactor({}) } as unknown as Host;
};
const used = (config: string): Promise<BlaxelCredentials> => blaxelCredentials(hostWith(config));
const signedIn = (credentials: string): string =>
  `context: {workspace: w}\nworkspaces: [{name: other}, {name: w, credentials: ${credentials}}]`;

describe("the login in bl's configuration", () => {
  it.each([
    ["{apiKey: key-1}", { workspace: "w", apiKey: "key-1" }],
    ["{apiKey: '', client_credentials: aWQ6c2VjcmV0}", { workspace: "w", clientCredentials: "aWQ6c2VjcmV0" }],
  ])("%s is used", async (credentials, expected) => {
    expect(await used(signedIn(credentials))).toEqual({ ...expected, source: "~/.blaxel/config.yaml" });
  });

  it.each([
    ["an empty file", "", /bl login was never run/u],
    ["a comment alone", "# nothing", /bl login selected none/u],
    ["no selection", "workspaces: []", /bl login selected none/u],
    [
      "another workspace's login",
      "context: {workspace: w}\nworkspaces:",
      /not signed in to the workspace w/u,
    ],
    ["a login through a browser", signedIn("{access_token: x}"), /through a browser/u],
    ["no YAML", "{", /is not valid YAML/u],
    ["a mapping instead of a list", "context: {workspace: w}\nworkspaces: {w: {}}", /not signed in to the/u],
    ["text instead of a mapping", "context: w", /bl login selected none/u],
    ["a list", "- w", /bl login selected none/u],
  ])("%s is none", async (_what, config, message) => {
    await expect(used(config)).rejects.toMatchObject({
      code: "NO_BLAXEL_CREDENTIALS",
      kind: "environment",
      message: expect.stringMatching(message) as string,
    });
  });

  it.each([
    [{ BL_API_KEY: "ke\ny", BL_WORKSPACE: "w" }, /^BL_API_KEY or the workspace "w" holds a character/u],
    [{ BL_CLIENT_CREDENTIALS: "a b", BL_WORKSPACE: "w" }, /^BL_CLIENT_CREDENTIALS or/u],
    [{ BL_API_KEY: "key", BL_WORKSPACE: "w\nx" }, /the workspace "w\\nx" holds/u],
  ])("is refused where no request could carry it: %j", async (env, message) => {
    const host = { env, redact: createRedactor({}) } as unknown as Host;
    await expect(blaxelCredentials(host)).rejects.toMatchObject({
      code: "NO_BLAXEL_CREDENTIALS",
      message: expect.stringMatching(message) as string,
    });
  });

  it("stays what a run has read, though bl selects another workspace meanwhile", async () => {
    const login = (workspace: string): string =>
      `context: {workspace: ${workspace}}\nworkspaces: [{name: a, credentials: {apiKey: key-a}}, {name: b, credentials: {apiKey: key-b}}]`;
    const run = hostWith(login("a"));
    expect(await workspaceInUse(run)).toBe("a");
    const next = hostWith(login("b"));
    expect(await blaxelCredentials(run)).toMatchObject({ workspace: "a", apiKey: "key-a" });
    expect(await blaxelCredentials(next)).toMatchObject({ workspace: "b", apiKey: "key-b" });
  });

  it("is read without the line break that a secret's file ends with", async () => {
    const env = { BL_API_KEY: "key\n", BL_WORKSPACE: "w\r\n" };
    const host = { env, redact: createRedactor({}) } as unknown as Host;
    expect(await blaxelCredentials(host)).toMatchObject({ apiKey: "key", workspace: "w" });
  });

  it("has client credentials in base64, which bl also takes plain, and hides both forms", async () => {
    const redact = createRedactor({});
    const env = { BL_CLIENT_CREDENTIALS: "client:secret-1", BL_WORKSPACE: "w" };
    const { clientCredentials } = await blaxelCredentials({ env, redact } as unknown as Host);
    expect(clientCredentials).toBe("Y2xpZW50OnNlY3JldC0x");
    expect(redact("client:secret-1 Y2xpZW50OnNlY3JldC0x")).toBe("*** ***");
  });

  it("names the workspace in use", async () => {
    expect(await workspaceInUse(hostWith("context: {workspace: w}"))).toBe("w");
    expect(await workspaceInUse(hostWith("context: {workspace: ''}"))).toBeUndefined();
    expect(await workspaceInUse(hostWith("context:"))).toBeUndefined();
  });
});

describe("Blaxel's address", () => {
  it.each(["api.blaxel.ai/v0", "localhost:8080", "https://api.blaxel.ai/v0 ", "http://"])(
    "%j is none",
    async (url) => {
      await expect(blaxelCredentials(blaxelHost(url))).rejects.toMatchObject({
        code: "BL_API_URL",
        kind: "usage",
      });
    },
  );

  it("is Blaxel's own where it is empty, as a pipeline's unset variable is", async () => {
    const asked: unknown[] = [];
    const fetch: Host["fetch"] = (url) => {
      asked.push(url);
      return Promise.resolve(new Response("{}"));
    };
    const host = { ...blaxelHost(""), fetch };
    await checkCredentials(host, await blaxelCredentials(host));
    expect(asked).toEqual(["https://api.blaxel.ai/v0/workspaces/w"]);
  });
});
