import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { authorize } from "../../../src/registry/authorize";
import { registryUnreachable } from "../../../src/registry/failures";
import { parseConfig, singleImage } from "../../../src/registry/manifest";
import { digestOf } from "../../../src/support/text/digest";
import { retryAfter, Unreachable } from "../../../src/support/network/http";
import { serve, type Answer, type LocalServer } from "../lock/fixture/serve";
import { testHost } from "../lock/fixture/test-host";

let server: LocalServer;
let answer: string;
/** What a POST is answered with; undefined: as a GET. */
let posted: Answer | undefined;
beforeEach(async () => {
  posted = undefined;
  server = await serve(({ method }) => (method === "POST" && posted) || { body: answer });
});
afterEach(() => server.close());

const token = (env: Record<string, string> = {}): Promise<string> =>
  authorize(
    testHost({ env }),
    { scheme: "bearer", realm: `http://${server.host}/token`, service: "reg", scope: undefined },
    { registry: "reg.example.com", path: "a/b", repository: "reg.example.com/a/b", actions: "pull" },
  );

describe("a token answer", () => {
  it.each([
    ['{"token":"T","access_token":"other"}', "T"],
    ['{"token":"","access_token":"T"}', "T"],
    ['{"token":null,"access_token":"T"}', "T"],
    ['{"access_token":"T"}', "T"],
    ['{"token":"T","access_token":7,"expires_in":null}', "T"],
  ])("%s is the token %s", async (body, expected) => {
    answer = body;
    expect(await token()).toBe(`Bearer ${expected}`);
  });

  it.each([
    "{}",
    "[]",
    "null",
    '{"token":""}',
    '{"token":" "}',
    '{"token":"T\\nX: y"}',
    '{"token":"€"}',
    "no JSON",
  ])("%s is none", async (body) => {
    answer = body;
    await expect(token()).rejects.toMatchObject({ code: "REGISTRY_REFUSED" });
  });

  it("to an identity token is asked for with a POST, so that it is in no address", async () => {
    answer = '{"access_token":"T"}';
    const auths = { "reg.example.com": { identitytoken: "refresh-me" } };
    expect(await token({ DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) })).toBe("Bearer T");
    expect(server.requests.map(({ line }) => line)).toEqual(["POST /token 200"]);
  });

  it.each([400, 401, 404, 405])(
    "to an identity token is asked for with a GET where a POST is answered with %i",
    async (status) => {
      [answer, posted] = ['{"token":"T"}', { status, body: '{"details":"no POST here"}' }];
      const auths = { "reg.example.com": { identitytoken: "refresh-me" } };
      const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) };
      expect(await token(env)).toBe("Bearer T");
      expect(server.requests.map(({ authorization }) => authorization)).toEqual([
        undefined,
        `Basic ${Buffer.from(":refresh-me").toString("base64")}`,
      ]);
    },
  );

  it("that refuses an identity token is quoted, not the fallback's", async () => {
    [answer, posted] = ["{}", { status: 401, body: '{"details":"the token has expired"}' }];
    const auths = { "reg.example.com": { identitytoken: "refresh-me" } };
    await expect(token({ DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) })).rejects.toThrow(
      /401 \("the token has expired"\)/u,
    );
  });

  it("gives an identity token to no other host", async () => {
    const location = "https://elsewhere.example.com/token";
    posted = { status: 307, headers: { location } };
    const auths = { "reg.example.com": { identitytoken: "refresh-me" } };
    await expect(token({ DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) })).rejects.toMatchObject({
      code: "REDIRECT_REFUSED",
      message: expect.stringContaining(location) as string,
    });
  });

  it("is asked for without a login where a credential helper fails, which is said", async () => {
    answer = '{"token":"T"}';
    const env = { DOCKER_AUTH_CONFIG: '{"credsStore":"nobody-has-this"}' };
    expect(await token(env)).toBe("Bearer T");
    answer = "{}";
    await expect(token(env)).rejects.toMatchObject({ code: "CREDENTIAL_HELPER" });
  });
});

describe("linux/amd64 in a list", () => {
  const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
  const entry = (digit: string, variant?: string): object => ({
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: digest(digit),
    platform: { os: "linux", architecture: "amd64", ...(variant === undefined ? {} : { variant }) },
  });
  /** The digest that is read of a list with these entries. */
  const choose = async (...manifests: readonly unknown[]): Promise<string> => {
    const read: string[] = [];
    await singleImage(Buffer.from(JSON.stringify({ manifests })), "an-image", (one) => {
      read.push(one);
      return Promise.resolve(Buffer.from(JSON.stringify({ config: { digest: digest("c") } })));
    });
    return read.join();
  };

  it("has no variant where there is a choice", async () => {
    expect(await choose(entry("3", "v3"), entry("a"))).toBe(digest("a"));
    expect(await choose(entry("3", "v3"), entry("2", "v2"))).toBe(digest("2"));
    expect(await choose(entry("2", "v2"), entry("1", "v1"))).toBe(digest("1"));
    expect(await choose(entry("3", "v3"))).toBe(digest("3"));
  });

  it.each(["x86_64", "x86-64", "AMD64"])("is called %s, too", async (architecture) => {
    const named = { ...entry("a"), platform: { os: "Linux", architecture } };
    expect(await choose(entry("3", "v3"), named)).toBe(digest("a"));
    const config = (value: object): unknown => parseConfig(Buffer.from(JSON.stringify(value)), "an-image");
    expect(config({ os: "linux", architecture, created: null })).toEqual({ createdAt: undefined });
    expect(config({ os: "", architecture: null })).toEqual({ createdAt: undefined });
    expect(() => config({ os: "linux", architecture: "arm64" })).toThrow(
      /linux\/arm64, not for linux\/amd64/u,
    );
  });

  it.each([
    ["another digest algorithm", { ...entry("1"), digest: `sha512:${"1".repeat(128)}` }],
    ["an unknown media type", { ...entry("1"), mediaType: "application/vnd.example+json" }],
    ["an attestation", { ...entry("1"), platform: { os: "unknown", architecture: "unknown" } }],
    ["no entry at all", null],
    ["no digest", { platform: { os: "linux", architecture: "amd64" } }],
  ])("is found beside an entry with %s", async (_what, foreign) => {
    expect(await choose(foreign, entry("a"))).toBe(digest("a"));
    await expect(choose(foreign)).rejects.toThrow(/linux\/amd64/u);
  });
});

describe("an image in a list", () => {
  const IMAGE = { config: { digest: `sha256:${"c".repeat(64)}` } };
  const OCI = "application/vnd.oci.image.index.v1+json";
  const amd64 = { os: "linux", architecture: "amd64" };
  /** The manifests by their digest, and where the walk from the last one ends. */
  const walk = (build: (put: (value: object) => string) => object): Promise<unknown> => {
    const held = new Map<string, Buffer>();
    const put = (value: object): string => {
      const bytes = Buffer.from(JSON.stringify(value));
      held.set(digestOf(bytes), bytes);
      return digestOf(bytes);
    };
    const top = Buffer.from(JSON.stringify(build(put)));
    return singleImage(top, "an-image", (digest) => Promise.resolve(held.get(digest) ?? Buffer.of()));
  };
  const list = (digest: string, more: object = {}): object => ({ manifests: [{ digest, ...more }] });

  it.each([
    ["a list in a list", { mediaType: OCI, platform: amd64 }],
    ["a list without a platform", { mediaType: OCI }],
    ["an entry with a null platform", { platform: null }],
    ["an entry with an empty platform", { platform: { os: "", architecture: "" } }],
  ])("is found below %s", async (_what, more) => {
    const single = Buffer.from(JSON.stringify(IMAGE));
    const found = { bytes: single, config: IMAGE.config.digest };
    expect(await walk((put) => list(put(list(put(IMAGE), { platform: amd64 })), more))).toEqual(found);
    expect(await walk((put) => list(put(IMAGE), more))).toEqual(found);
  });

  it("is no chart, signature or other artifact", async () => {
    const chart = { config: { ...IMAGE.config, mediaType: "application/vnd.cncf.helm.config.v1+json" } };
    await expect(walk((put) => list(put(chart)))).rejects.toMatchObject({
      code: "IMAGE_FORMAT",
      message:
        "an-image is no container image: its configuration is application/vnd.cncf.helm.config.v1+json.",
    });
  });

  it("is the one for the platform, before one that names none", async () => {
    const other = { config: { digest: `sha256:${"d".repeat(64)}` } };
    expect(
      await walk((put) => ({ manifests: [{ digest: put(other) }, { digest: put(IMAGE), platform: amd64 }] })),
    ).toMatchObject({ config: IMAGE.config.digest });
  });

  it("is not looked for without end", async () => {
    const deep = walk((put) => [1, 2, 3, 4, 5].reduce<object>((inner) => list(put(inner)), IMAGE));
    await expect(deep).rejects.toMatchObject({ code: "IMAGE_FORMAT" });
  });
});

describe("when to ask again", () => {
  const now = Date.UTC(2026, 0, 1);
  it.each([
    ["7", 7000],
    [" 0 ", 0],
    ["Thu, 01 Jan 2026 00:00:30 GMT", 30_000],
    ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
    ["soon", undefined],
    ["1.5", undefined],
    ["-5", undefined],
    [null, undefined],
  ])("%j is %s ms", (value, expected) => {
    expect(retryAfter(value, now)).toBe(expected);
  });

  it.each(["1767225600", "99999999999999999999"])("%s is not a time span to report", (value) => {
    const answer = {
      status: 429,
      url: "u",
      headers: new Headers({ "retry-after": value }),
      body: Buffer.of(),
    };
    const answered = new Unreachable("https://reg.example.com/v2/", "it answered 429", undefined, answer);
    expect(registryUnreachable("reg.example.com", answered, now).message).toBe(
      "The image registry reg.example.com limits requests (429): without a reason.",
    );
  });
});

describe("too many requests", () => {
  it("are reported in the registry's words, with the time and the next step", () => {
    const body =
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached\\u001b[31m \\"your\\" pull rate limit.\\n"}]}';
    const answered = new Unreachable("https://reg.example.com/v2/", "it answered 429", undefined, {
      status: 429,
      url: "https://reg.example.com/v2/",
      headers: new Headers({ "retry-after": "3600" }),
      body: Buffer.from(body),
    });
    expect(registryUnreachable("reg.example.com", answered, Date.UTC(2026, 0, 1))).toMatchObject({
      code: "REGISTRY_RATE_LIMIT",
      kind: "environment",
      message:
        'The image registry reg.example.com limits requests (429): You have reached [31m "your" pull rate limit; it allows the next request at 2026-01-01T01:00:00.000Z.',
      hint: expect.stringMatching(/docker login.*mirror/u) as string,
    });
  });
});
