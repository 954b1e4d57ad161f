import type { IncomingMessage } from "node:http";
import { EmbeddedJWK, jwtVerify } from "jose";
import { beforeEach, describe, expect, it } from "vitest";
import type { MesaAccess } from "../../../src/mesa/access";
import { mesaApi, type MesaApi } from "../../../src/mesa/api";
import { parsePrivateKey } from "../../../src/mesa/private-key";
import { systemClock } from "../../../src/support/clock";
import type { Host } from "../../../src/support/host";
import { createRedactor } from "../../../src/support/redact";
import { ORGANIZATIONS } from "../../world/mesa/state";
import { localServer } from "../local-server";

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

let asked: { readonly line: string; readonly authorization: string | undefined; readonly body: string }[] =
  [];
let reply: (request: IncomingMessage) => Reply;

beforeEach(() => {
  asked = [];
  reply = () => ({ status: 200, body: "{}" });
});
const server = localServer((request, response) => {
  let body = "";
  request.on("data", (chunk: Buffer) => (body += chunk.toString()));
  request.on("end", () => {
    const line = `${request.method ?? ""} ${request.url ?? ""}`;
    asked.push({ line, authorization: request.headers.authorization, body });
    const { status, body: text, type = "application/json" } = reply(request);
    response.writeHead(status, { "Content-Type": type }).end(text);
  });
});

const redact = createRedactor({});
const API_KEY = { kind: "api-key", apiKey: "mesa_admin_0123456789" } as const;
function api(
  signal = new AbortController().signal,
  credential: MesaAccess["credential"] = API_KEY,
  apiUrl = `${server.url}/v1`,
): MesaApi {
  const host = { fetch: globalThis.fetch, signal, redact, clock: systemClock } as unknown as Host;
  return mesaApi(host, { apiUrl, org: "acme", credential });
}
const json = (status: number, body: unknown) => (): Reply => ({ status, body: JSON.stringify(body) });

describe("Mesa's API", () => {
  it.each([
    ["an empty cursor", "", null],
    ["a cursor and no more", "2", false],
    ["the same cursor again", "1", true],
  ])("ends a list at %s", async (_, last, more) => {
    const pages = [["1", true] as const, [last, more] as const];
    let count = 0;
    reply = () => {
      const [next_cursor, has_more] = pages[count++] ?? [null, false];
      return json(200, { next_cursor, has_more, repos: [{ name: `r${String(count)}` }] })();
    };
    expect(await api().listRepos()).toEqual(["r1", "r2"]);
  });

  it("is asked for a key that holds only for these repositories, scopes and time", async () => {
    reply = json(201, { id: "key_1", key: "mesa_secret_0123456789" });
    const request = { name: "n", scopes: ["read", "write"], seconds: 600, repoIds: ["repo_1"] } as const;
    expect(await api().createKey(request)).toEqual({ id: "key_1", key: "mesa_secret_0123456789" });
    expect(asked.map(({ line, authorization }) => [line, authorization])).toEqual([
      ["POST /v1/acme/api-keys", "Bearer mesa_admin_0123456789"],
    ]);
    expect(JSON.parse(asked[0]?.body ?? "")).toEqual({
      name: "n",
      scopes: ["read", "write"],
      expires_in_seconds: 600,
      repo_ids: ["repo_1"],
    });
    expect(redact("mesa_secret_0123456789")).toBe("***");
  });

  it("gets a new token for each request, valid for a quarter of an hour, with a private key", async () => {
    const privateKey = parsePrivateKey(ORGANIZATIONS["acme"]?.privateKey ?? "");
    const mesa = api(undefined, { kind: "private-key", privateKey });
    reply = json(404, {});
    await mesa.getRepo("a");
    await mesa.getRepo("b");
    const tokens = asked.map(({ authorization }) => authorization?.slice("Bearer ".length) ?? "");
    expect(new Set(tokens).size).toBe(2);
    for (const token of tokens) {
      const { payload } = await jwtVerify(token, EmbeddedJWK, { audience: "mesa-api", issuer: "acme" });
      expect(payload).toMatchObject({ admin: true });
      expect(payload).not.toHaveProperty("access");
      expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
      expect(redact(token)).toBe("***");
    }
  });

  it("lists the keys of every page", async () => {
    const key = (id: string, revoked_at: string | null) => ({ id, name: id, revoked_at });
    reply = ({ url = "" }) =>
      url.includes("cursor=next%2F")
        ? json(200, { next_cursor: null, api_keys: [key("c", null)] })()
        : json(200, { next_cursor: "next/", api_keys: [key("a", null), key("b", "2026-01-01")] })();
    expect(await api().listKeys()).toEqual([
      { id: "a", name: "a", revoked: false },
      { id: "b", name: "b", revoked: true },
      { id: "c", name: "c", revoked: false },
    ]);
  });

  it("has no repository where it says 404, and one that is gone is deleted", async () => {
    reply = json(404, { error: { code: "NOT_FOUND", message: "no" } });
    expect(await api().getRepo("demo")).toBeUndefined();
    await api().deleteRepo("demo");
    reply = json(403, { error: { code: "FORBIDDEN", message: "scope" } });
    await expect(api().deleteRepo("demo")).rejects.toMatchObject({ code: "MESA_FORBIDDEN" });
  });

  it.each([
    [
      401,
      { error: { code: "UNAUTHORIZED", message: "who?" } },
      "MESA_UNAUTHORIZED",
      /401 .*revoke the key key_1.*UNAUTHORIZED: who\?/u,
    ],
    [403, { error: { code: "FORBIDDEN", message: "scope" } }, "MESA_FORBIDDEN", /403 .*FORBIDDEN: scope/u],
    [500, { error: { code: "INTERNAL", message: "oops" } }, "MESA_REFUSED", /500 .*INTERNAL: oops/u],
  ])("%i is reported in the API's words", async (status, body, code, message) => {
    reply = json(status, body);
    const refused = { code, kind: "environment", message: expect.stringMatching(message) as string };
    await expect(api().revokeKey("key_1")).rejects.toMatchObject(refused);
    await expect(api().listKeys()).rejects.toMatchObject({ code });
  });

  it("that has no API keys says what is needed instead", async () => {
    reply = json(404, { error: { code: "NOT_FOUND", message: "no such route" } });
    const hint = expect.stringContaining("MESA_PRIVATE_KEY") as string;
    const request = { name: "n", scopes: ["read"], seconds: 600, repoIds: ["repo_1"] } as const;
    await expect(api().createKey(request)).rejects.toMatchObject({ code: "MESA_NOT_FOUND", hint });
    await expect(api().listKeys()).rejects.toMatchObject({ code: "MESA_NOT_FOUND", hint });
    await expect(api().createRepo("demo")).rejects.not.toMatchObject({ hint });
  });

  it("is not taken for a proxy's page", async () => {
    reply = () => ({ status: 502, body: "<html>Bad Gateway</html>", type: "text/html" });
    await expect(api().createRepo("demo")).rejects.toMatchObject({
      code: "MESA_REFUSED",
      message: expect.stringMatching(/502 .*Bad Gateway/u) as string,
    });
    reply = () => ({ status: 200, body: "<html>Please sign in</html>", type: "text/html" });
    await expect(api().createRepo("demo")).rejects.toMatchObject({ code: "MESA_ANSWER" });
    await expect(api().listKeys()).rejects.toMatchObject({ code: "MESA_ANSWER" });
    await expect(api().whoami()).rejects.toMatchObject({ code: "MESA_ANSWER" });
  });

  it("that cannot be reached is said to be so", async () => {
    const gone = api(undefined, undefined, "http://127.0.0.1:9/v1");
    const unreachable = { code: "MESA_UNREACHABLE", kind: "environment" };
    await expect(gone.whoami()).rejects.toMatchObject(unreachable);
    await expect(gone.listKeys()).rejects.toMatchObject(unreachable);
  });

  it("is let go of when the run is interrupted", async () => {
    const stop = new AbortController();
    const asking = api(stop.signal);
    stop.abort(new Error("Ctrl-C"));
    await expect(asking.getRepo("demo")).rejects.toThrow("Ctrl-C");
  });
});
