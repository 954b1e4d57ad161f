import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "../../../../src/support/text/digest";
import { openDownloads } from "../../../../src/support/network/downloads";
import { ask, nextHop, retryAfter, Unreachable, waitBeforeRetry } from "../../../../src/support/network/http";
import { serve, type Answer, type LocalServer } from "../../lock/fixture/serve";
import { testHost } from "../../lock/fixture/test-host";

let server: LocalServer;
let folder: string;
let answer: Answer;

beforeEach(async () => {
  answer = { body: "hello" };
  server = await serve(() => answer);
  folder = await mkdtemp(join(tmpdir(), "downloads-test-"));
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const request = (timeoutMs = 2000, limitBytes = 1000): Parameters<typeof ask>[1] => ({
  url: `${server.url}/x`,
  limitBytes,
  timeoutMs,
});
const text = async (dir = folder): Promise<string> =>
  Buffer.from((await openDownloads(testHost(), dir).get(request())).body).toString();
const statuses = (): string[] => server.requests.map(({ line }) => line.slice(-3));

describe("the downloads folder", () => {
  it("asks with the ETag it has, and gives the body again", async () => {
    expect([await text(), await text()]).toEqual(["hello", "hello"]);
    expect(statuses()).toEqual(["200", "304"]);
    answer = { body: "changed" };
    expect(await text()).toBe("changed");
  });

  it("does not trust a body that was changed in the folder", async () => {
    await text();
    await writeFile(join(folder, "sha256", sha256("hello")), "hellO");
    expect(await text()).toBe("hello");
    expect(statuses()).toEqual(["200", "200"]);
    expect(await openDownloads(testHost(), folder).bytes(sha256("hello"))).toEqual(Buffer.from("hello"));
  });

  it("does not stumble over what it cannot read", async () => {
    await text();
    for (const name of await readdir(join(folder, "answers")))
      await writeFile(join(folder, "answers", name), "{");
    expect(await text()).toBe("hello");
  });

  it("answers where nothing can be kept", async () => {
    expect(await text("/proc/read-only")).toBe("hello");
    await openDownloads(testHost(), "/proc/read-only").keep(Buffer.from("hello"));
  });

  it("keeps nothing but whole answers", async () => {
    answer = { status: 404, headers: { etag: '"x"' }, body: "not here" };
    await text();
    answer = { body: "hello" };
    expect(await text()).toBe("hello");
    expect(statuses()).toEqual(["404", "200"]);
  });

  it("asks once for two who ask at the same time", async () => {
    const downloads = openDownloads(testHost(), folder);
    const both = await Promise.all([1, 2].map(() => downloads.get(request())));
    expect(both[0]).toBe(both[1]);
    expect(statuses()).toEqual(["200"]);
  });
});

describe("asking", () => {
  it("refuses an answer that is too large", async () => {
    answer = { body: "x".repeat(2000) };
    await expect(ask(testHost(), request())).rejects.toMatchObject({
      code: "ANSWER_TOO_LARGE",
      kind: "upstream",
    });
  });

  it("times out when there is no answer, and says how long it waited", async () => {
    answer = { hang: true };
    const host = testHost();
    const failure: unknown = await ask(host, request(40)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unreachable);
    expect(failure).toMatchObject({ message: "no whole answer within 0.04 s" });
    expect(host.waits).toHaveLength(3);
  });

  it("reports the cause of a failed connection", async () => {
    await server.close();
    await expect(ask(testHost(), request())).rejects.toMatchObject({
      message: expect.stringContaining("ECONNREFUSED") as string,
    });
  });

  it.each([
    ["ERR_SSL_WRONG_VERSION_NUMBER", "80BC:error:0A00010B:SSL:\n", /^the server does not speak TLS/u],
    [
      "SELF_SIGNED_CERT_IN_CHAIN",
      "self-signed certificate",
      /^self-signed certificate; .*NODE_EXTRA_CA_CERTS/u,
    ],
    ["CERT_HAS_EXPIRED", "certificate has expired", /^certificate has expired$/u],
  ])("says what to make of %s", async (code, message, said) => {
    const cause = Object.assign(new Error(message), { code });
    const host = testHost({ fetch: () => Promise.reject(new TypeError("fetch failed", { cause })) });
    await expect(ask(host, request())).rejects.toThrow(said);
  });

  it("does not hand credentials to another host", async () => {
    const secure = "https://blobs.example.com/x";
    const asked: [string, string | null][] = [];
    const host = testHost({
      fetch: (input, init) => {
        const url = input instanceof Request ? input.url : input.toString();
        asked.push([url, new Headers(init?.headers).get("authorization")]);
        return Promise.resolve(
          url === secure
            ? new Response("there")
            : new Response(null, { status: 307, headers: { location: secure } }),
        );
      },
    });
    const got = await ask(host, { ...request(), headers: { authorization: "Bearer secret" } });
    expect(got.url).toBe(secure);
    expect(asked).toEqual([
      [`${server.url}/x`, "Bearer secret"],
      [secure, null],
    ]);
  });
});

describe("a redirect", () => {
  it.each([
    ["http://a.example/x", "/y", "http://a.example/y"],
    ["http://a.example/x", "https://b.example/y", "https://b.example/y"],
    ["https://a.example/x", "//b.example/y", "https://b.example/y"],
    ["https://a.example/x", "y?z", "https://a.example/y?z"],
  ])("from %s to %s is followed", (from, location, to) => {
    expect(nextHop(from, location)).toBe(to);
  });

  it.each([
    ["http://a.example/x", "http://b.example/y", "another host over plain http"],
    ["http://a.example/x", "http://a.example:81/y", "another host over plain http"],
    ["https://a.example/x", "http://a.example/y", "from https to plain http"],
    ["https://a.example/x", "ftp://b.example/y", "plain ftp"],
    ["https://a.example/x", "http://", "not an address"],
    [
      "http://a.example/x?sig=one",
      "http://b.example/y?sig=two",
      "http://a.example/x redirects to another host over plain http: http://b.example/y.",
    ],
  ])("from %s to %s is refused", (from, location, says) => {
    expect(() => nextHop(from, location)).toThrow(
      expect.objectContaining({ code: "REDIRECT_REFUSED", message: expect.stringContaining(says) as string }),
    );
  });
});

describe("waiting before asking again", () => {
  it.each([
    [null, undefined],
    ["7", 7000],
    ["Thu, 01 Jan 1970 00:00:10 GMT", 9000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["soon", undefined],
  ])("Retry-After: %s", (header, ms) => {
    expect(retryAfter(header, 1000)).toBe(ms);
  });

  it("is bounded", () => {
    expect([1, 2, 3].map((attempt) => waitBeforeRetry(attempt, undefined))).toEqual([300, 900, 2700]);
    expect(waitBeforeRetry(1, 60_000)).toBe(60_000);
    expect(waitBeforeRetry(1, 60_001)).toBeUndefined();
  });
});
