import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listTags, resolveImage } from "../../../src/registry/index";
import { openDownloads } from "../../../src/support/network/downloads";
import { digestsOf, imageRegistry, type StandInRegistry } from "../lock/fixture/image-registry";
import { serve, type LocalServer } from "../lock/fixture/serve";
import { testHost, type TestHost } from "../lock/fixture/test-host";

const DEBIAN = "docker.io/library/debian";
let registry: StandInRegistry;
let server: LocalServer;
let folder: string;

beforeEach(async () => {
  registry = imageRegistry();
  registry.images.set(`${DEBIAN}:bookworm-slim`, { created: "2026-04-07T00:00:00Z" });
  server = await serve((request, path) => registry.answer(request, path));
  folder = await mkdtemp(join(tmpdir(), "registry-test-"));
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const resolve = (
  image = "debian:bookworm-slim",
  host: TestHost = testHost(),
): ReturnType<typeof resolveImage> =>
  resolveImage(host, image, { mirror: `${server.host}/`, downloads: openDownloads(host, folder) });
const lines = (): string[] => server.requests.map(({ line }) => line.replace(/sha256:(.{6})\S*/u, "$1"));

describe("resolving an image", () => {
  it("takes the digest of the list, the linux/amd64 image in it, and its date, in five requests with one token", async () => {
    const digests = digestsOf({ created: "2026-04-07T00:00:00Z" });
    expect(await resolve()).toEqual({
      repository: DEBIAN,
      tag: "bookworm-slim",
      digest: digests.top,
      platformDigest: digests.platform,
      createdAt: "2026-04-07T00:00:00.000Z",
    });
    expect(lines().map((line) => line.replace(/(manifests|blobs|token).*(...)$/u, "$1 $2"))).toEqual([
      `GET /v2/${DEBIAN}/manifests 401`,
      "GET /token 200",
      `GET /v2/${DEBIAN}/manifests 200`,
      `GET /v2/${DEBIAN}/manifests 200`,
      `GET /v2/${DEBIAN}/blobs 200`,
    ]);
  });

  it("takes an image that is in no list", async () => {
    registry.images.set(`${DEBIAN}:single`, { single: true });
    const found = await resolve("debian:single");
    expect(found.platformDigest).toBe(found.digest);
  });

  it("does without the digest in the headers, which some registries and most proxies leave out", async () => {
    registry.tamper = (_path, { headers, ...answer }) => ({
      ...answer,
      headers: Object.fromEntries(
        Object.entries(headers ?? {}).filter(([name]) => name !== "docker-content-digest"),
      ),
    });
    expect((await resolve()).digest).toBe(digestsOf({ created: "2026-04-07T00:00:00Z" }).top);
  });

  it("downloads nothing a second time but headers", async () => {
    const first = await resolve();
    const before = server.requests.length;
    expect(await resolve()).toEqual(first);
    const later = server.requests.slice(before);
    expect(later.map(({ line }) => line.slice(-3))).toEqual(["401", "200", "304"]);
    expect(
      later.filter(({ line }) => !line.startsWith("GET /token")).reduce((sum, { bytes }) => sum + bytes, 0),
    ).toBe(0);
  });

  it("sees that the tag moved although the old answer is kept", async () => {
    const first = await resolve();
    registry.images.set(`${DEBIAN}:bookworm-slim`, { marker: "newer" });
    const second = await resolve();
    expect(second.digest).not.toBe(first.digest);
    expect(second.digest).toBe(digestsOf({ marker: "newer" }).top);
  });

  it("holds a digest in the name against what is there", async () => {
    const { top } = digestsOf({ created: "2026-04-07T00:00:00Z" });
    expect((await resolve(`debian:bookworm-slim@${top}`)).digest).toBe(top);
    await expect(resolve(`debian:bookworm-slim@sha256:${"0".repeat(64)}`)).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
    });
  });
});

describe("what a registry hands out is refused", () => {
  const tampered = (part: string): void => {
    registry.tamper = (path, answer) =>
      path.includes(part) && (answer.status ?? 200) === 200
        ? { ...answer, body: Buffer.concat([Buffer.from(answer.body ?? ""), Buffer.from(" ")]) }
        : answer;
  };

  it.each([
    ["the list", "manifests/bookworm-slim"],
    ["the amd64 manifest", "manifests/sha256"],
    ["the config", "blobs/sha256"],
  ])("when the bytes of %s are not those of its digest", async (_what, part) => {
    tampered(part);
    await expect(resolve()).rejects.toMatchObject({ code: "REGISTRY_WRONG_BYTES", kind: "upstream" });
  });

  it.each(["", "proxy/"])("when the tag is unknown, by the path that was asked for (%s)", async (below) => {
    const options = { mirror: `${server.host}/${below}`, downloads: openDownloads(testHost(), folder) };
    await expect(resolveImage(testHost(), "debian:nope", options)).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
      kind: "upstream",
      message: `${server.host} has no image ${below}${DEBIAN}:nope.`,
    });
  });

  it("when it is for another machine", async () => {
    registry.images.set(`${DEBIAN}:arm`, { architecture: "arm64" });
    registry.images.set(`${DEBIAN}:arm-single`, { architecture: "arm64", single: true });
    await expect(resolve("debian:arm")).rejects.toMatchObject({
      code: "IMAGE_PLATFORM_MISSING",
      message: expect.stringContaining("linux/arm64") as string,
    });
    await expect(resolve("debian:arm-single")).rejects.toMatchObject({ code: "IMAGE_PLATFORM_MISSING" });
  });

  it("when it is a login page", async () => {
    registry.tamper = (path, answer) =>
      path.includes("manifests") && answer.status === undefined ? { body: "<html>" } : answer;
    await expect(resolve()).rejects.toMatchObject({ code: "IMAGE_FORMAT", kind: "upstream" });
  });

  it("when the token would travel over plain http to another machine", async () => {
    registry.tamper = () => ({
      status: 401,
      headers: { "www-authenticate": 'Bearer realm="http://auth.example.com/token"' },
    });
    await expect(resolve()).rejects.toMatchObject({ code: "REGISTRY_INSECURE" });
  });
});

describe("getting in", () => {
  const credentials = {
    MESA_TEMPLATE_REGISTRY_USERNAME: "robot",
    MESA_TEMPLATE_REGISTRY_PASSWORD: "let-me-in",
  };

  it.each(["token", "basic"] as const)("with credentials (%s)", async (auth) => {
    registry.auth = auth;
    registry.credentials = "robot:let-me-in";
    await expect(resolve()).rejects.toMatchObject({ code: "REGISTRY_REFUSED", kind: "environment" });
    await expect(resolve(undefined, testHost({ env: credentials }))).resolves.toMatchObject({
      tag: "bookworm-slim",
    });
  });

  it.each(["token", "basic"] as const)("with what a credential helper gives (%s)", async (auth) => {
    registry.auth = auth;
    registry.credentials = "robot:let-me-in";
    const helper = join(folder, "docker-credential-fake");
    await writeFile(
      helper,
      `#!/bin/sh\n[ "$1 $(cat)" = "get ${server.host}" ] && echo '{"Username":"robot","Secret":"let-me-in"}'\n`,
      { mode: 0o755 },
    );
    await writeFile(
      join(folder, "config.json"),
      JSON.stringify({ credsStore: "none", credHelpers: { [server.host]: "fake" } }),
    );
    const env = { DOCKER_CONFIG: folder, PATH: `${folder}:/usr/bin:/bin` };
    const host = testHost({ env });
    await expect(resolve(undefined, host)).resolves.toMatchObject({ tag: "bookworm-slim" });
    expect(host.redact("let-me-in")).toBe("***");
    await writeFile(helper, "#!/bin/sh\necho the vault is sealed >&2; exit 2\n");
    await expect(resolve(undefined, testHost({ env }))).rejects.toMatchObject({
      code: "CREDENTIAL_HELPER",
      message: expect.stringContaining("docker-credential-fake") as string,
      log: ["the vault is sealed"],
    });
  });

  it("says what its token service says", async () => {
    registry.tamper = (path, answer) =>
      path.startsWith("/token")
        ? { status: 403, body: '{"errors":[{"code":"DENIED","message":"requested access is denied"}]}' }
        : answer;
    await expect(resolve()).rejects.toMatchObject({
      code: "REGISTRY_REFUSED",
      message: expect.stringContaining('answers 403 ("requested access is denied")') as string,
    });
  });

  it("is refused where it answers 401 and does not say what it wants", async () => {
    registry.tamper = () => ({ status: 401 });
    await expect(resolve()).rejects.toMatchObject({
      code: "REGISTRY_REFUSED",
      message: expect.stringContaining("it answers 401 without a challenge") as string,
    });
  });

  it("gives its token to no other host that a redirect leads to", async () => {
    const given: (string | undefined)[] = [];
    const through: typeof fetch = async (url, init) => {
      const { host, pathname } = new URL(url instanceof Request ? url.url : url);
      const authorization = new Headers(init?.headers).get("authorization") ?? undefined;
      if (host === "cdn.example.com") {
        given.push(authorization);
        return fetch(`${server.url}/v2${pathname}`, { headers: { authorization: inside } });
      }
      if (!pathname.includes("/blobs/") || authorization === undefined) return fetch(url, init);
      inside = authorization;
      const location = pathname.replace("/v2/", "https://cdn.example.com/");
      return new Response(null, { status: 307, headers: { location } });
    };
    let inside = "";
    await expect(resolve(undefined, testHost({ fetch: through }))).resolves.toBeDefined();
    expect(given).toEqual([undefined]);
  });

  it("gives its login to no other host that a redirect leads to, whatever that one asks for", async () => {
    registry.credentials = "robot:let-me-in";
    const asked: string[] = [];
    const through: typeof fetch = (url, init) => {
      const { host, pathname } = new URL(url instanceof Request ? url.url : url);
      asked.push(host);
      if (host === "cdn.example.com") {
        const headers = { "www-authenticate": 'Bearer realm="https://cdn.example.com/token"' };
        return Promise.resolve(new Response("", { status: 401, headers }));
      }
      if (!pathname.includes("/blobs/")) return fetch(url, init);
      const headers = { location: "https://cdn.example.com/blob" };
      return Promise.resolve(new Response(null, { status: 307, headers }));
    };
    await expect(resolve(undefined, testHost({ env: credentials, fetch: through }))).rejects.toMatchObject({
      code: "REGISTRY_REFUSED",
    });
    expect(asked.filter((host) => host === "cdn.example.com")).toHaveLength(1);
  });

  it.each([undefined, "application/json; charset=utf-8", "text/plain"])(
    "an answer of the type %s is judged by what it holds",
    async (type) => {
      registry.tamper = (_path, { headers = {}, ...answer }) => {
        const others = Object.fromEntries(
          Object.entries(headers).filter(([name]) => name !== "content-type"),
        );
        return { ...answer, headers: type === undefined ? others : { ...others, "content-type": type } };
      };
      await expect(resolve()).resolves.toMatchObject({ tag: "bookworm-slim" });
    },
  );

  it("an image of schema 1 is refused with what to do", async () => {
    registry.tamper = (path, answer) =>
      path.includes("/manifests/") && (answer.status ?? 200) === 200
        ? { body: '{"schemaVersion":1,"name":"library/debian","fsLayers":[],"history":[]}' }
        : answer;
    await expect(resolve()).rejects.toMatchObject({
      code: "IMAGE_FORMAT",
      hint: expect.stringContaining("schema 1") as string,
    });
  });

  it("does not say the password of refused credentials", async () => {
    registry.credentials = "robot:something-else";
    const failure: unknown = await resolve(undefined, testHost({ env: credentials })).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({
      code: "REGISTRY_REFUSED",
      message: expect.stringContaining("401") as string,
    });
    expect(JSON.stringify(failure)).not.toContain("let-me-in");
  });
});

describe("a registry that does not answer", () => {
  it("is asked four times, then it is the environment's fault", async () => {
    registry.tamper = () => ({ cut: true });
    const host = testHost();
    await expect(resolve(undefined, host)).rejects.toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      kind: "environment",
    });
    expect(host.waits).toEqual([300, 900, 2700]);
  });

  it("is waited for as long as it asks", async () => {
    let refusals = 2;
    registry.tamper = (_path, answer) =>
      (refusals -= 1) >= 0 ? { status: 429, headers: { "retry-after": "7" } } : answer;
    const host = testHost();
    await expect(resolve(undefined, host)).resolves.toBeDefined();
    expect(host.waits).toEqual([7000, 7000]);
  });

  it("is not waited for beyond a minute", async () => {
    registry.tamper = () => ({ status: 503, headers: { "retry-after": "3600" } });
    const host = testHost();
    await expect(resolve(undefined, host)).rejects.toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      message: expect.stringContaining("503") as string,
    });
    expect(host.waits).toEqual([]);
  });

  it("is left at once on Ctrl-C", async () => {
    registry.tamper = () => ({ hang: true });
    const controller = new AbortController();
    const running = resolve(undefined, testHost({ signal: controller.signal }));
    setTimeout(() => {
      controller.abort(new Error("interrupted"));
    }, 30);
    await expect(running).rejects.toThrow("interrupted");
  });
});

describe("listing tags", () => {
  it("goes through all pages, also when they are unchanged", async () => {
    for (const tag of ["0.2.48", "0.2.49", "0.2.50", "latest", "0.3.0-rc.1"])
      registry.images.set(`ghcr.io/blaxel-ai/sandbox:${tag}`, {});
    const host = testHost();
    const list = (): Promise<readonly string[]> =>
      listTags(host, "ghcr.io/blaxel-ai/sandbox:0.2.48", {
        mirror: `${server.host}/`,
        downloads: openDownloads(host, folder),
      });
    const all = ["0.2.48", "0.2.49", "0.2.50", "latest", "0.3.0-rc.1"];
    expect(await list()).toEqual(all);
    expect(await list()).toEqual(all);
  });
});
