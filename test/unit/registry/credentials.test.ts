import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseChallenge } from "../../../src/registry/authorize";
import { credentialsFor } from "../../../src/registry/credentials";
import { nextPage } from "../../../src/registry/list-tags";
import type { Failure } from "../../../src/support/errors";
import { testHost, type TestHost } from "../lock/fixture/test-host";

const auth = Buffer.from("me:pass:word").toString("base64");

describe("a registry's challenge", () => {
  it.each([
    [null, undefined],
    ["Negotiate", undefined],
    ['Basic realm="x"', { scheme: "basic" }],
    [
      'Bearer realm="https://auth.example.com/token",service="reg",scope="repository:a/b:pull,push"',
      {
        scheme: "bearer",
        realm: "https://auth.example.com/token",
        service: "reg",
        scope: "repository:a/b:pull,push",
      },
    ],
    [
      "bearer  realm=https://a/t",
      { scheme: "bearer", realm: "https://a/t", service: undefined, scope: undefined },
    ],
    [
      'Basic realm="x", Bearer realm="https://a/t"',
      { scheme: "bearer", realm: "https://a/t", service: undefined, scope: undefined },
    ],
    ['Bearer service="x"', undefined],
    ['Basic realm="a, bearer realm=https://elsewhere/t"', { scheme: "basic" }],
    ['Bearer error="x", Basic realm="https://a/t"', { scheme: "basic" }],
    ['Digest nonce="Bearer realm=\\"https://elsewhere/t\\""', undefined],
    ['Bearer realm="unterminated', undefined],
    [
      'NEGOTIATE abc==, BEARER Service = "a, realm=https://elsewhere/t" , realm="https://a/\\"t"',
      {
        scheme: "bearer",
        realm: 'https://a/"t',
        service: "a, realm=https://elsewhere/t",
        scope: undefined,
      },
    ],
  ])("%s", (header, expected) => {
    expect(parseChallenge(header)).toEqual(expected);
  });
});

describe("credentials", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "credentials-test-"));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const write = async (path: string, content: unknown): Promise<string> => {
    const file = join(home, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
    return file;
  };
  const program = async (name: string, script: string): Promise<void> => {
    await chmod(await write(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`), 0o755);
  };
  const hostIn = (env: Record<string, string> = {}): TestHost =>
    testHost({ env: { HOME: home, PATH: `${home}/bin:/usr/bin:/bin`, ...env } });
  const find = (
    registry: string,
    env?: Record<string, string>,
    path?: string,
  ): ReturnType<typeof credentialsFor> => credentialsFor(hostIn(env), { registry, path });
  const me = { username: "me", password: "pass:word" };

  it.each([
    ["ghcr.io", "ghcr.io"],
    ["https://ghcr.io", "ghcr.io"],
    ["https://ghcr.io/v2/", "ghcr.io"],
    ["http://registry.example.com:5000/v1/", "registry.example.com:5000"],
    ["https://index.docker.io/v1/", "docker.io"],
    ["https://index.docker.io/v1/", "registry-1.docker.io"],
    ["docker.io", "registry-1.docker.io"],
    ["index.docker.io", "docker.io"],
    ["https://index.docker.io/v1", "docker.io"],
    ["index.docker.io/v1/", "docker.io"],
    ["https://registry-1.docker.io/v2/", "docker.io"],
    ["localhost:5000", "localhost:5000"],
    ["http://localhost:5000/v2/", "localhost:5000"],
    ["https://gcr.io", "gcr.io"],
  ])("kept in Docker's config.json under %s are those of %s", async (key, registry) => {
    await write(".docker/config.json", { auths: { "other.example.com": { auth }, [key]: { auth } } });
    expect(await find(registry)).toEqual(me);
    expect(await find("quay.io")).toBeUndefined();
  });

  it.each([
    [{ auth }, me],
    [{ username: "me", password: "pass:word" }, me],
    [
      { auth: Buffer.from("0000:").toString("base64"), identitytoken: "refresh-me" },
      { identitytoken: "refresh-me" },
    ],
    [
      { auth: Buffer.from(`_json_key:{"type":"service_account","id":"a:b"}`).toString("base64") },
      { username: "_json_key", password: '{"type":"service_account","id":"a:b"}' },
    ],
    [{ registrytoken: "as-it-is" }, { registrytoken: "as-it-is" }],
    [{}, undefined],
    [{ auth: null, username: "me" }, undefined],
  ])("an entry %j is %j", async (entry, expected) => {
    await write(".docker/config.json", { auths: { "ghcr.io": entry } });
    expect(await find("ghcr.io")).toEqual(expected);
  });

  it("come from Podman's auth.json, the nearest part of a registry first", async () => {
    const one = { auth: Buffer.from("one:first-secret").toString("base64") };
    await write("run/containers/auth.json", { auths: { "quay.io": { auth }, "quay.io/team/app": one } });
    const env = { XDG_RUNTIME_DIR: join(home, "run") };
    expect(await find("quay.io", env, "team/app/x")).toMatchObject({ username: "one" });
    expect(await find("quay.io", env, "team/other")).toEqual(me);
    const named = await write("elsewhere.json", { auths: { "quay.io": one } });
    expect(await find("quay.io", { ...env, REGISTRY_AUTH_FILE: named })).toMatchObject({ username: "one" });
    await rm(join(home, "run"), { recursive: true });
    await write(".config/containers/auth.json", { auths: { "quay.io": one } });
    expect(await find("quay.io", env)).toMatchObject({ username: "one" });
  });

  it("are not looked for in the working folder when a variable is set but empty", async () => {
    await write(".docker/config.json", { auths: { "ghcr.io": { auth } } });
    expect(await find("ghcr.io", { DOCKER_CONFIG: "", REGISTRY_AUTH_FILE: "", XDG_RUNTIME_DIR: "" })).toEqual(
      me,
    );
  });

  it("come from a credential helper, which gets the server", async () => {
    await program(
      "team",
      `read server; echo "{\\"Username\\":\\"of $server\\",\\"Secret\\":\\"$1 secret\\"}"`,
    );
    await program("refresh", `echo '{"Username":"<token>","Secret":"refresh-me"}'`);
    await write(".docker/config.json", {
      auths: { "plain.example.com": { auth }, "ghcr.io": {} },
      credsStore: "team",
      credHelpers: { "azure.example.com": "refresh", "plain.example.com": "" },
    });
    expect(await find("ghcr.io")).toEqual({
      username: "of ghcr.io",
      password: "get secret",
    });
    expect(await find("docker.io")).toMatchObject({ username: "of https://index.docker.io/v1/" });
    expect(await find("azure.example.com")).toEqual({ identitytoken: "refresh-me" });
    expect(await find("plain.example.com")).toEqual(me);
  });

  it.each(['{"Secret":"s"}', '{"Username":null,"Secret":"s"}'])(
    "%s of a helper has no user",
    async (text) => {
      await program("team", `echo '${text}'`);
      await write(".docker/config.json", { credsStore: "team" });
      expect(await find("ghcr.io")).toEqual({ username: "", password: "s" });
    },
  );

  it("of Mesa and Blaxel are not in a helper's environment, what the helper needs is", async () => {
    await program(
      "team",
      `echo "{\\"Username\\":\\"$CLOUD_KEY\\",\\"Secret\\":\\"<$BL_API_KEY$MESA_API_KEY>\\"}"`,
    );
    await write(".docker/config.json", { credsStore: "team" });
    const env = { BL_API_KEY: "bl-secret", MESA_API_KEY: "mesa-secret", CLOUD_KEY: "cloud-secret" };
    expect(await find("ghcr.io", env)).toMatchObject({ username: "cloud-secret", password: "<>" });
  });

  it.each(["", " >&2"])("that a helper does not have are none (said%s)", async (where) => {
    await program("team", `echo credentials not found in native keychain${where}; exit 1`);
    await write(".docker/config.json", { credsStore: "team" });
    expect(await find("ghcr.io")).toBeUndefined();
  });

  it("that a helper of the registry does not have are not asked of the store", async () => {
    await program("team", "echo credentials not found in native keychain; exit 1");
    await program("store", `echo '{"Username":"of the store","Secret":"another-secret"}'`);
    await write(".docker/config.json", { credsStore: "store", credHelpers: { "ghcr.io": "team" } });
    expect(await find("ghcr.io")).toBeUndefined();
    expect(await find("quay.io")).toMatchObject({ username: "of the store" });
  });

  it.each([
    [
      "fails",
      "echo 'the key ring is locked' >&2; exit 3",
      /it fails \(exit code 3\)/u,
      "the key ring is locked",
    ],
    ["prints no JSON", "echo pass-phrase-of-somebody", /not the JSON/u, undefined],
  ])("name a helper that %s", async (_what, script, message, words) => {
    await program("team", script);
    await write(".docker/config.json", { credHelpers: { "ghcr.io": "team" } });
    const failure = await find("ghcr.io").catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "CREDENTIAL_HELPER", kind: "environment" });
    expect(String(failure)).toContain("docker-credential-team");
    expect(String(failure)).toMatch(message);
    expect((failure as Failure).log).toEqual(words === undefined ? [] : [words]);
  });

  it("come from a later file when a helper fails, which is said", async () => {
    await program("team", "echo 'the key ring is locked' >&2; exit 3");
    await write(".docker/config.json", { credsStore: "team" });
    await write(".config/containers/auth.json", { auths: { "ghcr.io": { auth } } });
    const host = hostIn();
    expect(await credentialsFor(host, { registry: "ghcr.io" })).toEqual(me);
    expect(host.events).toMatchObject([
      { type: "warning", message: expect.stringMatching(/docker-credential-team.*auth\.json/u) as string },
    ]);
    await expect(find("quay.io")).rejects.toMatchObject({ code: "CREDENTIAL_HELPER" });
  });

  it("name a helper that is missing, and one that does not answer", async () => {
    await write(".docker/config.json", { credsStore: "nobody-has-this" });
    await expect(find("ghcr.io")).rejects.toThrow(/docker-credential-nobody-has-this.*cannot be started/u);
    await program("nobody-has-this", "echo asking >&2; exec sleep 60");
    const plain = hostIn();
    // A real helper that hangs, given half a second instead of 30.
    const host: TestHost = { ...plain, run: (asked) => plain.run({ ...asked, timeoutMs: 500 }) };
    await expect(credentialsFor(host, { registry: "ghcr.io" })).rejects.toMatchObject({
      message: expect.stringContaining("did not answer within 30 s") as string,
      log: ["asking"],
    });
  });

  it.each([
    ["text that is not JSON", "{", "it is not JSON"],
    ["another shape", { auths: [] }, "it is not a file of registry logins: auths"],
    ["a login of another shape", { auths: { "ghcr.io": { auth: 5 } } }, 'the login under "ghcr.io"'],
    ["broken base64", { auths: { "ghcr.io": { auth: "!!!" } } }, 'the login under "ghcr.io"'],
    [
      "a login without a colon",
      { auths: { "ghcr.io": { auth: "bm8tY29sb24=" } } },
      'the login under "ghcr.io"',
    ],
  ])("in a file with %s are none, which is said", async (_what, content, words) => {
    const file = await write(".docker/config.json", content);
    const host = hostIn();
    expect(await credentialsFor(host, { registry: "ghcr.io" })).toBeUndefined();
    expect(host.events).toEqual([{ type: "warning", message: expect.stringContaining(words) as string }]);
    expect(JSON.stringify(host.events)).toContain(file);
  });

  it("in a folder in the file's place are none, which is said", async () => {
    await mkdir(join(home, ".docker/config.json"), { recursive: true });
    const host = hostIn();
    expect(await credentialsFor(hostIn({ HOME: "/dev/null" }), { registry: "ghcr.io" })).toBeUndefined();
    expect(await credentialsFor(host, { registry: "ghcr.io" })).toBeUndefined();
    expect(host.events).toMatchObject([{ message: expect.stringContaining("folder") as string }]);
  });

  it.each(["", " \n", { auths: null, credsStore: null, credHelpers: { "ghcr.io": null } }])(
    "in a file that holds %j are none, and nothing is said",
    async (content) => {
      await write(".docker/config.json", content);
      const host = hostIn();
      expect(await credentialsFor(host, { registry: "ghcr.io" })).toBeUndefined();
      expect(host.events).toEqual([]);
    },
  );

  it("of the environment go to the host they are meant for, and are secrets", async () => {
    const env = { MESA_TEMPLATE_REGISTRY_USERNAME: "u", MESA_TEMPLATE_REGISTRY_PASSWORD: "secret-password" };
    const mirrorHost = "mirror.example.com";
    const host = testHost({ env });
    expect(await credentialsFor(host, { registry: mirrorHost, mirrorHost })).toEqual({
      username: "u",
      password: "secret-password",
    });
    expect(await credentialsFor(host, { registry: "ghcr.io", mirrorHost })).toBeUndefined();
    expect(await credentialsFor(host, { registry: "ghcr.io" })).toBeUndefined();
    const named = testHost({ env: { ...env, MESA_TEMPLATE_REGISTRY: "docker.io" } });
    expect(await credentialsFor(named, { registry: "registry-1.docker.io" })).toBeDefined();
    expect(await credentialsFor(named, { registry: "ghcr.io" })).toBeUndefined();
    for (const written of ["ghcr.io/acme/sandboxes", "https://ghcr.io/v2/", "ghcr.io/"]) {
      const host = testHost({ env: { ...env, MESA_TEMPLATE_REGISTRY: written } });
      expect(await credentialsFor(host, { registry: "ghcr.io" }), written).toBeDefined();
      expect(await credentialsFor(host, { registry: "quay.io" }), written).toBeUndefined();
    }
    expect(host.redact("it is secret-password")).toBe("it is ***");
  });
});

describe("the next page of tags", () => {
  it.each([
    [null, undefined],
    ['<list?last=x>; rel="next"', "/v2/a/tags/list?last=x"],
    ['<?last=x>; title="more"; rel=next', "/v2/a/tags/list?last=x"],
    ['</v2/a/tags/list?n=2&last=x>; rel="next"', "/v2/a/tags/list?n=2&last=x"],
    ['<https://elsewhere.example.com/v2/a/tags/list?last=x>; rel="next"', "/v2/a/tags/list?last=x"],
    ['</v2/a/tags/list>; rel="prev"', undefined],
    ['</other>; rel="next"', undefined],
    ['<http://>; rel="next"', undefined],
  ])("%s", (link, expected) => {
    expect(nextPage(link, "https://registry.example.com/v2/a/tags/list?n=1000")).toBe(expected);
  });
});
