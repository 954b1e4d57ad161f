import { createHash, createHmac } from "node:crypto";
import { Mesa } from "@mesadev/sdk";
import { describe, expect, it } from "vitest";
import { generationOf } from "../../../src/mesa/generation";
import { mountPlan, serviceVariables, type MountPlan } from "../../../src/mesa/mount-plan";

const KEY = { id: "key_1", key: "mesa_0123456789abcdef" };
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const VERSIONS = ["0.15.0", "0.20.0", "0.26.0", "0.38.0", "0.43.0", "0.46.0"];

function planFor(version: string, seconds = 3600): MountPlan {
  return mountPlan({
    version,
    org: "acme",
    repos: ["demo", "other"],
    key: KEY,
    scopes: ["read", "write"],
    seconds,
    service: {},
    nowMs: NOW,
    base: "/tmp/m",
  });
}

/** Variables of the mount command whose value is, or holds, one of the plan's secrets. */
function carriers({ env, secrets }: MountPlan): readonly string[] {
  return Object.entries(env)
    .filter(([, value]) => secrets.some((secret) => value.includes(secret)))
    .map(([name]) => name);
}

describe("how each generation mounts", () => {
  it.each([
    ["0.15.0", ["MESA_TEMPLATE_KEY"], "mesa -c /tmp/m/config.toml mount --daemonize"],
    ["0.20.0", ["MESA_ORGS"], "mesa mount -d -y"],
    ["0.26.0", ["MESA_ORGS", "MESA_VAULT_PASSPHRASE"], "mesa mount --daemonize -y"],
    ["0.38.0", ["MESA_API_KEY"], "mesa mount -d -y"],
    ["0.43.0", ["MESA_ACCESS_TOKEN"], "mesa mount -d"],
    ["0.46.0", ["MESA_ACCESS_TOKEN"], "mesa mount -d"],
  ])("%s: the credential in %j, by %s", (version, variables, command) => {
    const plan = planFor(version);
    expect(carriers(plan)).toEqual(variables);
    expect(plan.script.endsWith(command)).toBe(true);
  });

  it.each(VERSIONS)("%s: nothing secret is in the script, the paths or the files' names", (version) => {
    const { env, secrets, ...shown } = planFor(version);
    expect(env).not.toEqual({});
    for (const secret of secrets) expect(JSON.stringify(shown)).not.toContain(secret);
  });

  it.each(VERSIONS)("%s: everything lies below the folder that is given", (version) => {
    const plan = planFor(version);
    expect(plan.paths).toEqual({
      "acme/demo": "/tmp/m/mnt/acme/demo",
      "acme/other": "/tmp/m/mnt/acme/other",
    });
    const { HOME, MESA_MOUNT_POINT, MESA_RUNTIME_DIR, MESA_DAEMON_LOG_FILE } = plan.env;
    for (const path of [HOME, MESA_MOUNT_POINT, MESA_RUNTIME_DIR, MESA_DAEMON_LOG_FILE, ...plan.leftovers])
      expect(path).toMatch(/^\/tmp\/m\//u);
  });

  it.each(VERSIONS)(
    "%s: files with the credential are named exactly where the CLI leaves some",
    (version) => {
      expect(planFor(version).leftovers.length > 0).toBe(generationOf(version).leavesCredentialOnDisk);
    },
  );

  it("gives the secret store a passphrase that does not tell the key", () => {
    const { MESA_VAULT_PASSPHRASE: passphrase = "" } = planFor("0.26.0").env;
    expect(passphrase.length).toBeGreaterThan(30);
    expect(passphrase).not.toContain(KEY.key.slice(5));
    expect(passphrase.split("").reverse().join("")).not.toContain(KEY.key.slice(5));
  });
});

describe("the access token", () => {
  const claims = (seconds: number): Record<string, unknown> => {
    const [, body = ""] = (planFor("0.46.0", seconds).env["MESA_ACCESS_TOKEN"] ?? "").split(".");
    return JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as Record<string, unknown>;
  };

  it("holds for these repositories, these scopes and this time", () => {
    expect(claims(600)).toMatchObject({
      iss: "key_1",
      aud: "mesa-api",
      scopes: ["read", "write"],
      repos: ["acme/demo", "acme/other"],
      iat: NOW / 1000,
      exp: NOW / 1000 + 600,
    });
  });

  it("is what Mesa's SDK makes of the key", async () => {
    const answer = {
      org: { id: "1", slug: "acme", name: "Acme" },
      key_id: KEY.id,
      key_name: "n",
      scopes: [],
    };
    const sdk = new Mesa({
      apiKey: KEY.key,
      org: "acme",
      fetch: () => Promise.resolve(Response.json(answer)),
    });
    const repos = ["acme/demo", "acme/other"];
    const { token } = await sdk.tokens.create({ scopes: ["read", "write"], repos, ttl_seconds: 600 });
    const parts = (text: string): unknown[] =>
      text
        .split(".")
        .slice(0, 2)
        .map((part) => JSON.parse(Buffer.from(part, "base64url").toString("utf8")) as unknown);
    const ours = planFor("0.46.0", 600).env["MESA_ACCESS_TOKEN"] ?? "";
    const [head, body] = parts(ours);
    const [theirHead, theirBody] = parts(token) as [object, { iat: number; exp: number }];
    expect(head).toEqual(theirHead);
    const moved = { iat: NOW / 1000, exp: NOW / 1000 + theirBody.exp - theirBody.iat };
    expect(body).toEqual({ ...theirBody, ...moved, jti: expect.any(String) as string });
    const signature = (text: string): string => {
      const secret = createHash("sha256").update(KEY.key).digest("base64url");
      return createHmac("sha256", secret).update(text.split(".").slice(0, 2).join(".")).digest("base64url");
    };
    expect([ours, token].map(signature)).toEqual([ours, token].map((text) => text.split(".")[2]));
  });

  it("never holds longer than a day, which is as long as Mesa takes one", () => {
    expect(claims(7 * 86_400)).toMatchObject({ exp: NOW / 1000 + 86_400 });
  });
});

describe("what the CLI is told of an API that is not Mesa's own", () => {
  it.each([
    ["https://api.mesa.dev/v1", {}],
    [
      "https://api.mesa.example/v1",
      { MESA_API_URL: "https://api.mesa.example", MESA_SERVICE_DOMAIN: "mesa.example" },
    ],
    ["http://172.17.0.1:4000/v1", { MESA_API_URL: "http://172.17.0.1:4000" }],
    ["https://mesa.example:8443/v1", { MESA_API_URL: "https://mesa.example:8443" }],
  ])("%s", (url, variables) => {
    expect(serviceVariables(url)).toEqual(variables);
  });
});
