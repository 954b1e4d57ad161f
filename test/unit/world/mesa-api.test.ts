import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Mesa, MesaApiError } from "@mesadev/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_PORTS, type WorldConfig } from "../../world/config";
import { createFaultBoard } from "../../world/faults";
import { startMesaApi, type MesaApiPart } from "../../world/mesa/index";
import { MESA_ADMIN_KEY, ORGANIZATIONS } from "../../world/mesa/state";
import { createRequestLog } from "../../world/request-log";

const VIRTUAL_ROOT = "z".repeat(32);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

interface Answer {
  readonly status: number;
  readonly json: Record<string, never> & Record<string, unknown>;
}

describe("the stand-in Mesa API", () => {
  const faults = createFaultBoard();
  const requests = createRequestLog();
  let part: MesaApiPart;
  let base = "";

  beforeAll(async () => {
    const port = await freePort();
    base = `http://127.0.0.1:${String(port)}`;
    const config: WorldConfig = {
      dir: "/nowhere",
      source: "/nowhere",
      gateway: "127.0.0.1",
      ports: { ...DEFAULT_PORTS, mesa: port },
      swaps: {},
    };
    part = await startMesaApi({ config, faults, requests, connections: { cuts: 0, hang: false } });
  });
  afterAll(() => part.close());
  beforeEach(() => part.reset());
  afterEach(() => {
    faults.off();
    requests.clear();
  });

  async function ask(
    method: string,
    path: string,
    options: { readonly key?: string; readonly body?: unknown } = {},
  ): Promise<Answer> {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: { Authorization: `Bearer ${options.key ?? MESA_ADMIN_KEY}` },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    return { status: response.status, json: (await response.json()) as Answer["json"] };
  }

  async function makeKey(body: Readonly<Record<string, unknown>>): Promise<{ id: string; key: string }> {
    const { status, json } = await ask("POST", "/v1/acme/api-keys", {
      body: { name: "k", expires_in_seconds: 3600, ...body },
    });
    expect(status).toBe(201);
    return json as unknown as { id: string; key: string };
  }

  const sdk = (apiKey = MESA_ADMIN_KEY): Mesa =>
    new Mesa({ apiKey, apiUrl: `${base}/v1`, vcsUrl: base, org: "acme" });

  describe("with Mesa's own SDK", () => {
    it("finds the organization by whoami when none is given", async () => {
      const mesa = new Mesa({ apiKey: MESA_ADMIN_KEY, apiUrl: `${base}/v1` });
      expect(await mesa.resolveOrg()).toBe("acme");
      expect(await mesa.whoami()).toMatchObject({
        org: { slug: "acme" },
        key_id: "key_admin",
        scopes: ["admin"],
      });
    });

    it("makes, lists, reads and deletes repositories", async () => {
      const mesa = sdk();
      const made = await mesa.repos.create({ name: "fresh" });
      expect(made).toMatchObject({
        org: "acme",
        name: "fresh",
        default_bookmark: "main",
        head_change_id: VIRTUAL_ROOT,
        upstream: null,
      });
      expect((await mesa.repos.list()).repos.map((repo) => repo.name)).toEqual(["demo", "fresh"]);
      expect(await mesa.repos.get({ repo: "fresh" })).toEqual(made);
      await mesa.repos.delete({ repo: "fresh" });
      await expect(mesa.repos.get({ repo: "fresh" })).rejects.toMatchObject({
        status: 404,
        code: "NOT_FOUND",
      });
    });

    it("makes, lists and revokes keys; a revoked one is refused", async () => {
      const mesa = sdk();
      const made = await mesa.apiKeys.create({
        name: "session",
        scopes: ["read", "write"],
        expires_in_seconds: 3600,
      });
      expect(made.key).toMatch(/^mesa_/u);
      expect(made).not.toHaveProperty("expires_at");
      const listed = (await mesa.apiKeys.list()).api_keys.find((key) => key.id === made.id);
      expect(Date.parse(listed?.expires_at ?? "")).toBeGreaterThan(Date.now() + 3_500_000);
      expect(JSON.stringify(listed)).not.toContain(made.key);
      await sdk(made.key).repos.list();
      await mesa.apiKeys.revoke({ id: made.id });
      await expect(sdk(made.key).repos.list()).rejects.toMatchObject({ status: 401 });
      expect(
        (await mesa.apiKeys.list()).api_keys.find((key) => key.id === made.id)?.revoked_at,
      ).not.toBeNull();
    });

    it("seeds a repository by a change and reads it back", async () => {
      const mesa = sdk();
      await mesa.repos.create({ name: "seeded" });
      const change = await mesa.changes.create({
        repo: "seeded",
        base_change_id: VIRTUAL_ROOT,
        message: "first",
        author: { name: "A", email: "a@example.invalid" },
        files: [{ path: "src/hello.txt", content: Buffer.from("grüße\n").toString("base64") }],
      });
      expect(change).toMatchObject({ message: "first", parents: [VIRTUAL_ROOT], is_conflicted: false });
      const file = await mesa.content.get({ repo: "seeded", path: "src/hello.txt" });
      expect(file).toMatchObject({ type: "file", name: "hello.txt", size: 8, encoding: "base64" });
      expect(Buffer.from((file as { content: string }).content, "base64").toString("utf8")).toBe("grüße\n");
      expect(await mesa.content.get({ repo: "seeded" })).toMatchObject({
        type: "dir",
        child_count: 1,
        entries: [{ type: "dir", name: "src", path: "src" }],
      });
      expect((await mesa.repos.get({ repo: "seeded" })).head_change_id).toBe(change.id);
    });

    it("keeps a branch apart from main until it is merged, and refuses a merge of what both changed", async () => {
      const mesa = sdk();
      const files = async (bookmark: string): Promise<readonly string[]> => {
        const { bookmarks } = await mesa.bookmarks.list({ repo: "demo" });
        const change_id = bookmarks.find(({ name }) => name === bookmark)?.change_id ?? "";
        const root = await mesa.content.get({ repo: "demo", change_id });
        return (root as unknown as { entries: { name: string }[] }).entries.map(({ name }) => name);
      };
      const put = (at: string, path: string, text: string): Promise<Response> =>
        fetch(`${base}/vcs/acme/demo/file?path=${path}&at=bookmark:${at}`, {
          method: "PUT",
          headers: { Authorization: `Bearer ${MESA_ADMIN_KEY}` },
          body: text,
        });
      const { head_change_id } = await mesa.repos.get({ repo: "demo" });
      const draft = { repo: "demo", base_change_id: head_change_id };
      for (const name of ["draft/1", "other"]) {
        const { id } = await mesa.changes.create({ ...draft, message: "", files: [] });
        await mesa.bookmarks.create({ repo: "demo", name, change_id: id });
      }
      await put("draft%2F1", "a.txt", "a");
      await put("main", "b.txt", "b");
      await put("other", "README.md", "other");
      expect([await files("draft/1"), await files("main")]).toEqual([
        ["README.md", "a.txt"],
        ["README.md", "b.txt"],
      ]);
      const merge = { repo: "demo", target: "main", source: "draft/1", delete_source: true };
      expect(await mesa.bookmarks.merge(merge)).toMatchObject({
        merge_type: "merge_commit",
        source_deleted: true,
      });
      expect(await files("main")).toEqual(["README.md", "b.txt", "a.txt"]);
      await expect(mesa.bookmarks.merge(merge)).rejects.toMatchObject({ status: 404 });
      await put("main", "README.md", "mine");
      await expect(mesa.bookmarks.merge({ ...merge, source: "other" })).rejects.toMatchObject({
        status: 409,
        code: "MERGE_CONFLICT",
      });
    });

    it("deletes a file by a change", async () => {
      const mesa = sdk();
      const { head_change_id } = await mesa.repos.get({ repo: "demo" });
      await mesa.changes.create({
        repo: "demo",
        base_change_id: head_change_id,
        message: "less",
        author: { name: "A", email: "a@example.invalid" },
        files: [{ path: "README.md", action: "delete" }],
      });
      await expect(mesa.content.get({ repo: "demo", path: "README.md" })).rejects.toBeInstanceOf(
        MesaApiError,
      );
    });

    it("takes the tokens the SDK makes from a key, clamped to the key's rights, until the key is revoked", async () => {
      const key = await makeKey({ scopes: ["read"] });
      const { token } = await sdk(key.key).tokens.create({ scopes: ["read", "write"], repos: ["acme/demo"] });
      expect((await ask("GET", "/v1/acme/demo", { key: token })).status).toBe(200);
      const write = await ask("POST", "/v1/acme/demo/changes", { key: token, body: { files: [] } });
      expect(write.status).toBe(403);
      await ask("DELETE", `/v1/acme/api-keys/${key.id}`);
      expect((await ask("GET", "/v1/acme/demo", { key: token })).status).toBe(401);
    });
  });

  describe("credentials", () => {
    it("refuses none, an unknown one, and one of the wrong shape", async () => {
      for (const key of ["", "mesa_nobody", "a.b.c", `${Buffer.from("{}").toString("base64url")}.e30.x`]) {
        const { status, json } = await ask("GET", "/v1/whoami", { key });
        expect(status, key).toBe(401);
        expect(json).toMatchObject({
          error: { code: "UNAUTHORIZED", message: expect.any(String) as string },
        });
      }
    });

    it.each([
      ["read", "POST", "/v1/acme/demo/changes", { files: [] }],
      ["read", "POST", "/v1/acme/repos", { name: "x" }],
      ["read", "PUT", "/vcs/acme/demo/file?path=a", undefined],
      ["write", "POST", "/v1/acme/api-keys", { name: "x" }],
      ["write", "GET", "/v1/acme/api-keys", undefined],
      ["write", "DELETE", "/v1/acme/demo", undefined],
    ])("refuses a key with scope %s for %s %s", async (scope, method, path, body) => {
      const { key } = await makeKey({ scopes: [scope] });
      expect(await ask(method, path, { key, body })).toMatchObject({
        status: 403,
        json: { error: { code: "FORBIDDEN" } },
      });
    });

    it("shows a key only the repositories it is for", async () => {
      const { json } = await ask("POST", "/v1/acme/repos", { body: { name: "mine" } });
      const { key } = await makeKey({ scopes: ["read", "write"], repo_ids: [json["id"]] });
      expect((await ask("GET", "/v1/acme/mine", { key })).status).toBe(200);
      expect((await ask("GET", "/v1/acme/demo", { key })).status).toBe(404);
      expect((await ask("GET", "/v1/acme/repos", { key })).json).toMatchObject({ repos: [{ name: "mine" }] });
      expect((await ask("GET", "/vcs/acme/demo/tree", { key })).status).toBe(404);
    });

    it.each([99, 31_536_001, 3600.5, "3600"])("refuses expires_in_seconds %s", async (expires_in_seconds) => {
      const { status } = await ask("POST", "/v1/acme/api-keys", { body: { name: "k", expires_in_seconds } });
      expect(status).toBe(400);
    });

    it("refuses scopes there are not and repositories there are not", async () => {
      expect((await ask("POST", "/v1/acme/api-keys", { body: { name: "k", scopes: ["god"] } })).status).toBe(
        400,
      );
      expect((await ask("POST", "/v1/acme/api-keys", { body: { name: "k", repo_ids: ["no"] } })).status).toBe(
        400,
      );
    });

    describe("made from a private key", () => {
      const keyOf = (org: string): KeyObject => {
        const held = ORGANIZATIONS[org]?.privateKey.slice(`mesa_private_key_${org}_`.length) ?? "";
        return createPrivateKey({ key: Buffer.from(held, "base64url"), format: "der", type: "pkcs8" });
      };
      const acme = keyOf("acme");
      const jwkOf = (key: KeyObject): unknown => createPublicKey(key).export({ format: "jwk" });
      function token(
        claims: Readonly<Record<string, unknown>>,
        { signer = acme, ...head }: { signer?: KeyObject; jwk?: unknown; typ?: string; alg?: string } = {},
      ): string {
        const part64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
        const now = Math.floor(Date.now() / 1000);
        const header = { alg: "EdDSA", typ: "mesa-at+jwt", jwk: jwkOf(signer), ...head };
        const text = `${part64(header)}.${part64({ iss: "acme", aud: "mesa-api", iat: now, exp: now + 900, jti: "1", ...claims })}`;
        return `${text}.${sign(null, Buffer.from(text), signer).toString("base64url")}`;
      }
      const now = (): number => Math.floor(Date.now() / 1000);
      const other = generateKeyPairSync("ed25519").privateKey;
      const authors = [{ name: "a", email: null }];
      const demo = { authors, access: { demo: "write-repo" } };

      it.each([
        ["admin", { admin: true }],
        ["access", { access: { demo: "read-repo" } }],
        ["scopes", { scopes: ["read"] }],
      ])("are taken with %s", async (_, claims) => {
        expect((await ask("GET", "/v1/acme/demo", { key: token(claims) })).status).toBe(200);
      });

      it.each([
        ["expired", () => token({ admin: true, exp: 1 })],
        ["endless", () => token({ admin: true, exp: undefined })],
        ["longer than four hours", () => token({ admin: true, exp: now() + 14_500 })],
        ["longer than four hours, begun before", () => token({ admin: true, iat: now() - 14_000 })],
        ["of the future", () => token({ admin: true, iat: now() + 600 })],
        ["without a beginning", () => token({ admin: true, iat: undefined })],
        ["without an id", () => token({ admin: true, jti: undefined })],
        ["for another audience", () => token({ admin: true, aud: "other" })],
        ["of an unknown organization", () => token({ admin: true, iss: "elsewhere" })],
        ["of another organization than its key", () => token({ admin: true, iss: "orbit" })],
        ["signed by a key that Mesa does not know", () => token({ admin: true }, { signer: other })],
        [
          "signed by another key than it carries",
          () => token({ admin: true }, { signer: other, jwk: jwkOf(acme) }),
        ],
        ["with a key that is none", () => token({ admin: true }, { jwk: { kty: "nonsense" } })],
        ["of another type", () => token({ admin: true }, { typ: "JWT" })],
        ["without an algorithm", () => token({ admin: true }, { alg: "none" })],
        ["for nothing", () => token({})],
        ["admin that is not true", () => token({ admin: false })],
        ["for everything and something", () => token({ admin: true, access: { demo: "read-repo" } })],
        ["old and new at once", () => token({ scopes: ["read"], access: { demo: "read-repo" } })],
        ["for no repository", () => token({ access: {} })],
        ["with a right there is not", () => token({ access: { demo: "admin-repo" } })],
      ])("are refused when %s", async (_, make) => {
        expect(await ask("GET", "/v1/acme/demo", { key: make() })).toMatchObject({
          status: 401,
          json: { error: { code: "UNAUTHORIZED" } },
        });
      });

      it("hold for the repositories they name", async () => {
        await ask("POST", "/v1/acme/repos", { body: { name: "other" } });
        for (const claims of [
          { scopes: ["read"], repos: ["acme/demo"] },
          { access: { DEMO: "read-repo" } },
        ]) {
          const key = token(claims);
          expect((await ask("GET", "/v1/acme/demo", { key })).status).toBe(200);
          expect((await ask("GET", "/v1/acme/other", { key })).status).toBe(404);
          expect((await ask("GET", "/v1/acme/repos", { key })).json).toMatchObject({
            repos: [{ name: "demo" }],
          });
        }
      });

      it("write where they say so, and are no administrator's", async () => {
        const change = (key: string): Promise<Answer> =>
          ask("POST", "/v1/acme/demo/changes", { key, body: { base_change_id: VIRTUAL_ROOT } });
        expect((await change(token(demo))).status).toBe(201);
        expect((await change(token({ access: { demo: "read-repo" } }))).status).toBe(403);
        for (const [method, path] of [
          ["POST", "/v1/acme/repos"],
          ["DELETE", "/v1/acme/demo"],
          ["POST", "/v1/acme/api-keys"],
        ] as const)
          expect((await ask(method, path, { key: token(demo), body: { name: "x" } })).status).toBe(403);
      });

      it("mount only with authors, and with what the CLI's version takes", async () => {
        const tree = async (key: string, version: string): Promise<number> => {
          const headers = { Authorization: `Bearer ${key}`, "User-Agent": `mesa/${version}` };
          return (await fetch(`${base}/vcs/acme/demo/tree`, { headers })).status;
        };
        const old = token({ authors, scopes: ["read"] });
        expect(await tree(token(demo), "0.49.1")).toBe(200);
        expect(await tree(old, "0.46.0")).toBe(200);
        expect(await tree(token({ access: { demo: "read-repo" } }), "0.49.1")).toBe(403);
        expect(await tree(old, "0.49.1")).toBe(401);
        expect(await tree(token(demo), "0.46.0")).toBe(401);
        expect(await tree(token({ authors, admin: true }), "0.49.1")).toBe(401);
        expect(await tree(MESA_ADMIN_KEY, "0.49.1")).toBe(401);
      });

      it("are all there is for an organization of the new era: it has no API keys", async () => {
        const key = token({ admin: true, iss: "orbit" }, { signer: keyOf("orbit") });
        expect((await ask("GET", "/v1/whoami", { key })).json).toMatchObject({
          org: { slug: "orbit" },
          key_id: null,
        });
        expect((await ask("POST", "/v1/orbit/repos", { key, body: { name: "demo" } })).status).toBe(201);
        expect((await ask("GET", "/v1/orbit/api-keys", { key })).status).toBe(404);
        expect((await ask("GET", "/v1/acme/demo", { key })).status).toBe(404);
      });
    });
  });

  describe("pages and refusals", () => {
    it("gives lists page by page", async () => {
      for (const name of ["a", "b", "c"]) await ask("POST", "/v1/acme/repos", { body: { name } });
      const seen: string[] = [];
      let cursor: string | null = "";
      for (let pages = 0; cursor !== null && pages < 9; pages++) {
        const { json } = await ask(
          "GET",
          `/v1/acme/repos?limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`,
        );
        const page = json as unknown as {
          repos: { name: string }[];
          next_cursor: string | null;
          has_more: boolean;
        };
        seen.push(...page.repos.map((repo) => repo.name));
        expect(page.has_more).toBe(page.next_cursor !== null);
        cursor = page.next_cursor;
      }
      expect(seen).toEqual(["demo", "a", "b", "c"]);
    });

    it("says what is wrong in Mesa's own shape", async () => {
      const conflict = await ask("POST", "/v1/acme/repos", { body: { name: "demo" } });
      expect(conflict).toMatchObject({ status: 409, json: { error: { code: "CONFLICT" } } });
      expect((await ask("POST", "/v1/acme/repos", { body: { name: "../x" } })).status).toBe(400);
      expect((await ask("GET", "/v1/nobody/demo")).status).toBe(404);
      expect((await ask("DELETE", "/v1/acme/api-keys/none")).status).toBe(404);
      const notJson = await fetch(`${base}/v1/acme/repos`, {
        method: "POST",
        headers: { Authorization: `Bearer ${MESA_ADMIN_KEY}` },
        body: "{",
      });
      expect(notJson.status).toBe(400);
    });
  });

  describe("the content side", () => {
    it("keeps bytes as they are and shows them through REST", async () => {
      const bytes = Buffer.from([0, 255, 10, 13, 0]);
      const headers = { Authorization: `Bearer ${MESA_ADMIN_KEY}` };
      const path = `${base}/vcs/acme/demo/file?path=${encodeURIComponent("a b/ü.bin")}`;
      expect((await fetch(path, { method: "PUT", headers, body: bytes })).status).toBe(200);
      expect(Buffer.from(await (await fetch(path, { headers })).arrayBuffer())).toEqual(bytes);
      const { json } = await ask("GET", `/v1/acme/demo/content?path=${encodeURIComponent("a b/ü.bin")}`);
      expect(json).toMatchObject({ type: "file", content: bytes.toString("base64") });
      expect((await fetch(path, { method: "DELETE", headers })).status).toBe(200);
      expect((await fetch(path, { headers })).status).toBe(404);
    });
  });

  it("shows its state, logs what was asked, and starts afresh", async () => {
    const made = await makeKey({ name: "seen", scopes: ["read"] });
    await ask("GET", "/v1/acme/nope");
    expect(requests.list("mesa").map(({ method, path, status }) => [method, path, status])).toEqual([
      ["POST", "/v1/acme/api-keys", 201],
      ["GET", "/v1/acme/nope", 404],
    ]);
    expect(part.state()).toMatchObject({
      keys: [{ key: MESA_ADMIN_KEY }, { id: made.id, name: "seen", key: made.key, revoked_at: null }],
      repos: [{ org: "acme", name: "demo", files: { "README.md": "# demo\n" } }],
    });
    await part.reset();
    expect((part.state() as { keys: unknown[] }).keys).toHaveLength(1);
  });
});
