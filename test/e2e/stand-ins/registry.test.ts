import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readStream } from "../../world/engine";
import { GUEST_LOGIN, IDENTITY_TOKEN, REGISTRY_LOGIN } from "../../world/registry/tokens";
import { mesaTemplate, temporaryRoot, type Ran } from "../program";
import { fault, faultsOff, forgetRequests, requests, resetWorld, state } from "../world";

const docker = new Docker();
const bearer = process.env["WORLD_REGISTRY"] ?? "";
const basic = process.env["WORLD_REGISTRY_BASIC"] ?? "";

type Login = typeof REGISTRY_LOGIN | typeof GUEST_LOGIN;

/** Pushes a local image, else one of Blaxel's own, through the engine. @returns its digest */
async function push(repository: string, login?: Login, image = stock, tag = "1"): Promise<string> {
  await docker.getImage(image).tag({ repo: repository, tag });
  const tagged = docker.getImage(`${repository}:${tag}`);
  try {
    let digest = "";
    const stream = await tagged.push({ authconfig: (login ?? {}) as never });
    await readStream(stream, (message) => {
      digest = (message.aux as { readonly Digest?: string } | undefined)?.Digest ?? digest;
    });
    return digest;
  } finally {
    await tagged.remove();
  }
}

let stock = "";

/** What a push begins with. */
function begunUpload(place: string, login?: Login): Promise<Response> {
  const pair = login === undefined ? "" : `${login.username}:${login.password}`;
  const headers = pair === "" ? {} : { Authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
  return fetch(`http://${place}/blobs/uploads/`, { method: "POST", headers });
}

interface Deployed {
  readonly status: string;
  readonly spec: { readonly runtime: { readonly image: string; readonly dockerConfig?: string } };
}

async function blaxel(method: string, path: string, workspace: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${process.env["BL_API_URL"] ?? ""}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${process.env["BL_API_KEY"] ?? ""}`,
      "X-Blaxel-Workspace": workspace,
      "Content-Type": "application/json",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return answer.json();
}

const dockerConfig = (registry: string, { username, password }: Login): string =>
  JSON.stringify({
    auths: { [registry]: { auth: Buffer.from(`${username}:${password}`).toString("base64") } },
  });

/** Creates a sandbox from a registry's image and waits for what comes of it. */
async function imported(name: string, runtime: object, workspace = "world"): Promise<Deployed> {
  const first = (await blaxel("POST", "/sandboxes", workspace, {
    metadata: { name },
    spec: { runtime },
  })) as Deployed;
  expect(first.status).toBe("BUILDING");
  for (;;) {
    const now = (await blaxel("GET", `/sandboxes/${name}`, workspace)) as Deployed;
    if (now.status === "DEPLOYED" || now.status === "FAILED") return now;
    await sleep(200);
  }
}

async function lastLog(name: string): Promise<string> {
  const answer = (await blaxel("GET", `/observability/logs?workloadIds=${name}`, "world")) as Record<
    string,
    { readonly logs: readonly { readonly message: string }[] }
  >;
  return answer[name]?.logs[0]?.message ?? "";
}

beforeAll(async () => {
  await resetWorld();
  const images = await docker.listImages({ filters: { reference: ["mesa-template-world/base-image"] } });
  stock = images.flatMap(({ RepoTags }) => RepoTags ?? [])[0] ?? "";
  expect(stock).not.toBe("");
});
afterEach(faultsOff);
afterAll(resetWorld);

describe("a registry that can be pushed to", () => {
  it("refuses a push without a login that may push", async () => {
    for (const place of [`${bearer}/v2/open/box`, `${bearer}/v2/private/box`, `${basic}/v2/team/box`])
      expect((await begunUpload(place)).status, place).toBe(401);
    expect((await begunUpload(`${basic}/v2/team/box`, GUEST_LOGIN)).status).toBe(401);
    expect((await begunUpload(`${basic}/v2/team/box`, REGISTRY_LOGIN)).status).toBe(202);
  });

  it("refuses and delays writes on request", async () => {
    await fault("registry-push-refused", 1);
    expect((await begunUpload(`${basic}/v2/team/box`, REGISTRY_LOGIN)).status).toBe(403);
    await fault("registry-push-slow", 1, { ms: 1_500 });
    const begun = Date.now();
    expect((await begunUpload(`${basic}/v2/team/box`, REGISTRY_LOGIN)).status).toBe(202);
    expect(Date.now() - begun).toBeGreaterThan(1_400);
  });
});

describe("an import of a registry's image by its digest", () => {
  it("runs what was pushed, in either workspace by itself", async () => {
    const digest = await push(`${bearer}/open/box`, REGISTRY_LOGIN);
    const image = `${bearer}/open/box@${digest}`;
    const here = await imported("box", { image });
    expect(here.spec.runtime.image).toMatch(/^sandbox\/box:[a-z0-9]+$/u);
    const there = await imported("box", { image }, "prod");
    expect(there.spec.runtime.image).not.toBe(here.spec.runtime.image);
    expect((await state()).sandboxes).toHaveLength(2);
  });

  it("needs the login of a private image, and never reveals it", async () => {
    const digest = await push(`${basic}/private/box`, REGISTRY_LOGIN);
    const image = `${basic}/private/box@${digest}`;
    const deployed = await imported("mine", { image, dockerConfig: dockerConfig(basic, REGISTRY_LOGIN) });
    expect(deployed.status).toBe("DEPLOYED");
    expect(JSON.stringify(deployed)).not.toContain("dockerConfig");
    for (const [name, login] of [
      ["nobody", undefined],
      ["guest", GUEST_LOGIN],
    ] as const) {
      const refused = await imported(name, {
        image,
        ...(login === undefined ? {} : { dockerConfig: dockerConfig(basic, login) }),
      });
      expect(refused.status).toBe("FAILED");
      expect(await lastLog(name)).toContain("UNAUTHORIZED");
    }
  });

  it("fails for an unknown host, a missing digest, and on request", async () => {
    const gone = `sha256:${"0".repeat(64)}`;
    await imported("gone", { image: `${bearer}/open/box@${gone}` });
    expect(await lastLog("gone")).toContain("MANIFEST_UNKNOWN");
    await imported("host", { image: `registry.example.com/open/box@${gone}` });
    expect(await lastLog("host")).toContain("no such host");
    await fault("import-unauthorized");
    await imported("refused", { image: `${bearer}/open/box@${gone}` });
    expect(await lastLog("refused")).toContain("UNAUTHORIZED");
  });
});

describe("a registry whose token service takes identity tokens (OAuth2)", () => {
  const place = temporaryRoot();
  const folder = mkdtempSync(join(tmpdir(), "mesa-template-identity-"));
  const bin = join(folder, "bin");
  const mirror = `${bearer}/private/`;
  const copies: string[] = [];
  afterAll(async () => {
    for (const id of copies) await docker.getImage(id).remove({ force: true });
    place.remove();
    rmSync(folder, { recursive: true });
  });

  const run = (command: string, config: object): Promise<Ran> => {
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    const env = {
      DOCKER_CONFIG: folder,
      PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      MESA_TEMPLATE_UPSTREAM: join(folder, "upstream.toml"),
    };
    return mesaTemplate([command, "0.20.0", "--template", "alpine", "--root", place.root, "--json"], { env });
  };
  /** An image that no engine has seen before: of one that it knows, it would ask nobody. */
  const ofThisRun = async (image: string): Promise<string> => {
    const container = await docker.createContainer({ Image: image, Cmd: ["true"] });
    const { Id } = (await container.commit({ changes: `LABEL run=${randomUUID()}` })) as {
      readonly Id: string;
    };
    await container.remove();
    copies.push(Id);
    return Id;
  };
  const inAuths = (identitytoken: string): object => ({
    auths: { [`http://${bearer}/v2/`]: { auth: Buffer.from("0000:").toString("base64"), identitytoken } },
  });

  it("opens private base images to the token of a credential helper and to that of config.json, and to no other", async () => {
    for (const [name, tag] of [
      ["docker.io/library/alpine", "3.21"],
      ["ghcr.io/blaxel-ai/sandbox", "0.2.50"],
    ] as const) {
      const image = `${bearer}/${name}:${tag}`;
      await readStream(await docker.pull(image, { platform: "linux/amd64" }));
      await push(mirror + name, REGISTRY_LOGIN, await ofThisRun(image), tag);
    }
    const upstream = readFileSync(process.env["MESA_TEMPLATE_UPSTREAM"] ?? "", "utf8");
    writeFileSync(join(folder, "upstream.toml"), upstream.replace(/^images = .*$/mu, `images = "${mirror}"`));
    mkdirSync(bin);
    const helper = join(bin, "docker-credential-world");
    const answer = JSON.stringify({ ServerURL: bearer, Username: "<token>", Secret: IDENTITY_TOKEN });
    const script = `#!/bin/sh\n[ "$1 $(cat)" = "get ${bearer}" ] && echo '${answer}' && exit\necho credentials not found in native keychain\nexit 1\n`;
    writeFileSync(helper, script);
    chmodSync(helper, 0o755);

    const refused = await run("lock", inAuths("an-identity-token-of-yesterday"));
    expect([refused.code, refused.stdout]).toEqual([3, expect.stringContaining("answers 401")]);
    const locked = await run("lock", inAuths(IDENTITY_TOKEN));
    expect(locked.code, locked.stdout).toBe(0);
    await forgetRequests();
    const built = await run("build", { credHelpers: { [bearer]: "world" } });
    expect(built.code, built.stdout).toBe(0);
    const asked = (await requests("registry")).map(
      ({ method, path, status }) => `${method} ${path} ${String(status)}`,
    );
    expect(asked).toContain("POST /token 200");
    // An engine that holds the base image already only asks for its head.
    expect(asked).toContainEqual(
      expect.stringMatching(
        /^(?:GET|HEAD) \/v2\/private\/docker\.io\/library\/alpine\/manifests\/sha256:\w+ 200$/u,
      ),
    );
    for (const ran of [refused, locked, built])
      expect(ran.stdout + ran.stderr).not.toMatch(/identity-token/u);
  });
});
