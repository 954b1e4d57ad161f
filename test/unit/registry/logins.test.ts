import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { heldImage } from "../../../src/registry/resolve-image";
import { loginToImport, loginToPush } from "../../../src/registry/logins";
import { addReferrer } from "../../../src/registry/referrers";
import { digestOf } from "../../../src/support/text/digest";
import { serve, type Answer, type LocalServer } from "../lock/fixture/serve";
import { testHost, type TestHost } from "../lock/fixture/test-host";

const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: `sha256:${"a".repeat(64)}` },
  layers: [],
});
const DIGEST = digestOf(Buffer.from(MANIFEST));
const REFUSAL: Answer = { status: 401, headers: { "www-authenticate": 'Basic realm="boxes"' } };

let registry: LocalServer;
/** Whether it shows its images to somebody without a login. */
let isPublic: boolean;
let answers: Answer;

beforeEach(async () => {
  [isPublic, answers] = [false, { body: MANIFEST }];
  registry = await serve(({ headers }) =>
    isPublic || headers.authorization !== undefined ? answers : REFUSAL,
  );
});
afterEach(() => registry.close());

const image = (): string => `${registry.host}/boxes/debian@${DIGEST}`;
const hostWith = (login: Readonly<Record<string, string>> | undefined): TestHost => {
  const auths = { [registry.host]: login, "other.example": { auth: "b3RoZXI6c2VjcmV0" } };
  return testHost({ env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) } });
};
const auth = (username: string, password: string) => ({
  auth: Buffer.from(`${username}:${password}`).toString("base64"),
});

describe("the login that Blaxel gets to import an image", () => {
  it("is not needed for Blaxel's own images, without a request", async () => {
    expect(await loginToImport(hostWith(auth("me", "secret-of-mine")), "sandbox/debian:abc")).toBeUndefined();
    expect(registry.requests).toEqual([]);
  });

  it("is not passed on for a public image, unless it is always required", async () => {
    isPublic = true;
    const host = hostWith(auth("me", "secret-of-mine"));
    expect(await loginToImport(host, image())).toBeUndefined();
    expect(registry.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
    expect(await loginToImport(host, image(), { always: true })).toBeDefined();
  });

  it("holds this registry alone, and is hidden wherever text is shown", async () => {
    const host = hostWith(auth("me", "secret-of-mine"));
    const config = await loginToImport(host, image());
    expect(JSON.parse(config ?? "")).toEqual({ auths: { [registry.host]: auth("me", "secret-of-mine") } });
    expect(host.redact(config ?? "")).not.toContain(auth("me", "secret-of-mine").auth);
    expect(host.events).toEqual([]);
  });

  it("to Docker Hub has the name that clients of Docker's config.json look for, and the image's own", async () => {
    const hub = "https://index.docker.io/v1/";
    const mine = auth("me", "secret-of-mine");
    const host = testHost({ env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [hub]: mine } }) } });
    const config = await loginToImport(host, `docker.io/acme/debian@${DIGEST}`, { always: true });
    expect(JSON.parse(config ?? "")).toEqual({ auths: { [hub]: mine, "docker.io": mine } });
  });

  it.each([
    ["AWS", "x".repeat(20)],
    ["oauth2accesstoken", "ya29.something"],
    ["x-access-token", "ghs_0123456789"],
  ])("is warned about where it ends within hours: %s", async (username, password) => {
    const host = hostWith(auth(username, password));
    await loginToImport(host, image());
    expect(host.events).toMatchObject([
      { type: "warning", message: expect.stringMatching(/within hours/u) as unknown },
    ]);
    expect(JSON.stringify(host.events)).not.toContain(password);
  });

  it.each([
    ["this machine has no login to it", undefined],
    ["only this machine can exchange", { identitytoken: "token-of-a-browser" }],
  ])("is missing where %s", async (why, login) => {
    await expect(loginToImport(hostWith(login), image())).rejects.toMatchObject({
      code: "IMPORT_LOGIN",
      kind: "environment",
      message: expect.stringContaining(why) as unknown,
      hint: expect.stringContaining(`docker login -u USER --password-stdin ${registry.host}`) as unknown,
    });
  });
});

describe("a login that is to push", () => {
  it.each([
    [
      { status: 403, body: '{"errors":[{"code":"DENIED","message":"not yours"}]}' },
      "PUSH_REFUSED",
      "not yours",
    ],
    [{ status: 401 }, "PUSH_REFUSED", "401"],
    [{ cut: true }, "REGISTRY_UNREACHABLE", "cannot be reached"],
  ])("is refused before the engine is asked: %o", async (answer, code, words) => {
    answers = answer;
    await expect(
      loginToPush(hostWith(auth("me", "secret-of-mine")), `${registry.host}/boxes/debian`),
    ).rejects.toMatchObject({
      code,
      kind: "environment",
      message: expect.stringContaining(words) as unknown,
    });
  });
});

describe("an address to upload to", () => {
  it.each([
    ["http://", "REDIRECT_REFUSED"],
    ["//", "REDIRECT_REFUSED"],
    ["ftp://elsewhere.example/x", "REDIRECT_REFUSED"],
    ["http://elsewhere.example/x", "REDIRECT_REFUSED"],
    ["https://elsewhere.example/x", "REGISTRY_UNREACHABLE"],
  ])("%s is the registry's fault", async (location, code) => {
    const there = await serve(({ method }) =>
      method === "POST" ? { status: 202, headers: { location } } : { body: MANIFEST },
    );
    const through: typeof fetch = (url, init) => {
      const away = new URL(url instanceof Request ? url.url : url).host === "elsewhere.example";
      return away ? Promise.reject(new TypeError("fetch failed")) : fetch(url, init);
    };
    const image = `${there.host}/boxes/debian@${DIGEST}`;
    const piece = { mediaType: "a/b", bytes: new Uint8Array([1]), annotations: {} };
    await expect(
      addReferrer(testHost({ fetch: through }), image, "a-tag", "a/b", [piece]),
    ).rejects.toMatchObject({ code });
    expect(await loginToPush(testHost(), `${there.host}/boxes/debian`)).toBeUndefined();
    await there.close();
  });
});

describe("what a registry holds", () => {
  it("is what its bytes say, and nothing where it answers 404", async () => {
    const host = hostWith(auth("me", "secret-of-mine"));
    expect(await heldImage(host, image())).toEqual({ digest: DIGEST, config: `sha256:${"a".repeat(64)}` });
    answers = { status: 404 };
    expect(await heldImage(host, image())).toBeUndefined();
  });

  it.each([
    [
      { headers: { "docker-content-digest": `sha256:${"f".repeat(64)}` }, body: MANIFEST },
      "REGISTRY_WRONG_BYTES",
    ],
    [{ status: 403 }, "REGISTRY_REFUSED"],
    [{ body: "<html>" }, "REGISTRY_WRONG_BYTES"],
  ])("is not believed: %o", async (answer, code) => {
    answers = answer;
    await expect(heldImage(hostWith(auth("me", "secret-of-mine")), image())).rejects.toMatchObject({ code });
  });
});
