import { execFileSync, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Manifest } from "../../../src/manifest/entry";
import { readStream } from "../../world/engine";
import { REGISTRY_LOGIN } from "../../world/registry/tokens";
import { sampleProcesses } from "../sandbox/process-samples";
import { mesaTemplate, temporaryRoot, type Ran, type RunOptions } from "../program";
import { fault, faultsOff, forgetRequests, requests, resetWorld, state, uploads } from "../world";

const VERSION = "0.26.0";
const place = temporaryRoot();
const { root } = place;
const logins = mkdtempSync(join(tmpdir(), "mesa-template-logins-"));
/** The real cosign; undefined: it is not here (scripts/ensure-test-tools.sh fetches it). */
const cosign = [".test-work/tools/cosign/usr/bin/cosign", "/usr/bin/cosign", "/usr/local/bin/cosign"].find(
  (file) => existsSync(file),
);
const keys = { secret: join(logins, "sign.key"), open: join(logins, "sign.pub") };
const bearer = (): string => process.env["WORLD_REGISTRY"] ?? "";
const basic = (): string => process.env["WORLD_REGISTRY_BASIC"] ?? "";
const secrets = [
  REGISTRY_LOGIN.password,
  Buffer.from(`${REGISTRY_LOGIN.username}:${REGISTRY_LOGIN.password}`).toString("base64"),
];

function run(
  command: string,
  registry: string,
  more: readonly string[] = [],
  options: RunOptions = {},
): Promise<Ran> {
  const args = [
    command,
    VERSION,
    "--template",
    "debian",
    "--registry",
    registry,
    "--root",
    root,
    "--json",
    ...more,
  ];
  return mesaTemplate(args, { ...options, env: { DOCKER_CONFIG: logins, ...options.env } });
}

const manifestText = (): string => readFileSync(join(root, "dockerfiles/manifest.json"), "utf8");
const entry = () => (JSON.parse(manifestText()) as Manifest).versions[`debian@${VERSION}-1`];
/** Neither what a run says, nor any file below its root (manifest, records, logs, rendered files) holds a registry's login. */
function expectNoSecret(ran: Ran): void {
  for (const secret of secrets) {
    expect(ran.stdout + ran.stderr).not.toContain(secret);
    expect(() => execFileSync("grep", ["-rqF", secret, root])).toThrow(/Command failed/u);
  }
}

/** Pushes an image of the engine under the published tag, as anybody who may push there can. */
async function pushAs(image: string): Promise<void> {
  const docker = new Docker();
  const reference = entry()?.image.registryReference ?? "";
  const [repo = "", tag = ""] = reference.split(/:(?=[^:]*$)/u);
  await docker.getImage(image).tag({ repo, tag });
  await readStream(await docker.getImage(reference).push({ authconfig: REGISTRY_LOGIN as never }));
  await docker.getImage(reference).remove();
}

async function anotherImage(): Promise<string> {
  const images = await new Docker().listImages({
    filters: { reference: ["mesa-template-world/base-image"] },
  });
  return images[0]?.Id ?? "";
}

/** The uncompressed layers of the version's image, as the registry's config names them. */
async function layersInRegistry(): Promise<readonly string[]> {
  const ask = async <T>(path: string): Promise<T> => {
    const headers = {
      authorization: `Basic ${secrets[1] ?? ""}`,
      accept:
        "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json",
    };
    const answer = await fetch(`http://${basic()}/v2/private/boxes/mesa-debian/${path}`, { headers });
    expect(answer.status).toBe(200);
    return (await answer.json()) as T;
  };
  const digest = entry()?.image.registryDigest ?? "";
  const { config } = await ask<{ config: { digest: string } }>(`manifests/${digest}`);
  expect(config.digest).toBe(entry()?.image.id);
  return (await ask<{ rootfs: { diff_ids: string[] } }>(`blobs/${config.digest}`)).rootfs.diff_ids;
}

async function layersOnEngine(image: string): Promise<readonly string[]> {
  return (await new Docker().getImage(image).inspect()).RootFS.Layers ?? [];
}

/** The layers of every image that the workspace imported. */
async function layersDeployed(workspace: string): Promise<readonly (readonly string[])[]> {
  const tags = (await state()).images.find(({ name }) => name === "sandbox/mesa-debian")?.tags ?? [];
  return Promise.all(
    tags.map((tag) => layersOnEngine(`mesa-template-world/platform-${workspace}-mesa-debian:${tag}`)),
  );
}

const stagesOf = (ran: Ran) =>
  Object.fromEntries(
    (
      ran.json<{ results: { stages: { stage: string; outcome: string }[] }[] }>().results[0]?.stages ?? []
    ).map(({ stage, outcome }) => [stage, outcome]),
  );
const errorCode = (ran: Ran): string => ran.json<{ error: { code: string } }>().error.code;

beforeAll(async () => {
  await resetWorld();
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(keys.secret, privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(keys.open, publicKey.export({ type: "spki", format: "pem" }));
  const auth = secrets[1];
  writeFileSync(
    join(logins, "config.json"),
    JSON.stringify({ auths: { [bearer()]: { auth }, [basic()]: { auth } } }),
  );
});
afterEach(faultsOff);
afterAll(async () => {
  place.remove();
  rmSync(logins, { recursive: true, force: true });
  await resetWorld();
});

describe("a release by way of a registry", () => {
  it("fails for a push that is refused or breaks off, and for a registry that lies, and records nothing as deployed", async () => {
    await fault("registry-push-refused");
    const refused = await run("release", `${bearer()}/open/boxes`);
    expect([refused.code, errorCode(refused)]).toEqual([3, "PUSH_REFUSED"]);
    await faultsOff();
    // The layers are there, and the manifest does not come through.
    const path = "/v2/open/boxes/mesa-debian/manifests/";
    await fault("registry-push-refused", undefined, { method: "PUT", path, cut: true });
    const broken = await run("release", `${bearer()}/open/boxes`);
    expect([broken.code, errorCode(broken)]).toEqual([7, "PUSH_FAILED"]);
    await faultsOff();
    await fault("registry-lies-about-digest");
    const lied = await run("release", `${bearer()}/open/boxes`);
    expect([lied.code, errorCode(lied)]).toEqual([4, "REGISTRY_WRONG_BYTES"]);
    await faultsOff();
    const noLogin = { env: { DOCKER_CONFIG: "/nonexistent" } };
    const none = await run("release", `${basic()}/private/boxes`, [], noLogin);
    expect([none.code, errorCode(none)]).toEqual([3, "PUSH_REFUSED"]);
    expect((await state()).sandboxes).toEqual([]);
  });

  it("says what to do when the registry refuses Blaxel or has lost the image, and records nothing as deployed", async () => {
    await fault("import-unauthorized");
    const failed = await run("release", `${bearer()}/private/boxes`);
    expect([failed.code, errorCode(failed)]).toEqual([7, "IMPORT_FAILED"]);
    expect(failed.json<{ error: { hint: string } }>().error.hint).toContain("private = true");
    expect(entry()).toMatchObject({ status: "failed", deployments: {}, failure: { code: "IMPORT_FAILED" } });
    await faultsOff();
    await fault("import-gone");
    const gone = await run("release", `${bearer()}/private/boxes`);
    expect([gone.code, errorCode(gone)]).toEqual([7, "IMPORT_FAILED"]);
    expect(gone.json<{ error: { hint: string } }>().error.hint).toContain("release with --force");
    expect(entry()).toMatchObject({ status: "failed", deployments: {} });
  });

  it("deploys to staging what was proven, with the login of a private registry, which no process shows", async () => {
    await fault("import-shown-as-sent");
    await fault("registry-push-slow", 3, { ms: 500 });
    const samples = sampleProcesses();
    const staged = await run("release", `${bearer()}/private/boxes`, ["--sign-key", keys.secret], {
      onStderr: (_, pid) => {
        samples.of(pid);
      },
    });
    const seen = samples.end();
    expect(staged.code, staged.stderr).toBe(0);
    const digest = entry()?.image.registryDigest;
    expect(digest).toMatch(/^sha256:/u);
    expect(entry()?.deployments["world"]).toMatchObject({
      registryDigest: digest,
      image: `${bearer()}/private/boxes/mesa-debian@${digest ?? ""}`,
    });
    expect(await uploads()).toBe(0);
    const records = join(root, "dockerfiles/debian", VERSION, "records/1");
    for (const document of ["provenance.intoto.json", "sbom.cdx.json"])
      expect(readFileSync(join(records, document), "utf8")).toContain(digest?.slice("sha256:".length));
    expectNoSecret(staged);
    const [blaxelKey, mesaKey] = [process.env["BL_API_KEY"] ?? "", process.env["MESA_API_KEY"] ?? ""];
    expect(seen.some(({ command }) => command.includes("deploy"))).toBe(true);
    for (const { command, environment } of seen) {
      for (const secret of [...secrets, blaxelKey, mesaKey]) expect(command).not.toContain(secret);
      for (const secret of [...secrets, mesaKey]) expect(environment).not.toContain(secret);
      // Only bl deploys with Blaxel's key.
      if (!/\bbl\b/u.test(command)) expect(environment).not.toContain(blaxelKey);
    }
  });

  it("has the same layers in the registry, on the engine and in the deployed sandbox", async () => {
    const layers = await layersInRegistry();
    expect(layers.length).toBeGreaterThan(1);
    expect(await layersOnEngine(entry()?.image.id ?? "")).toEqual(layers);
    const deployed = await layersDeployed("world");
    expect(deployed.length).toBeGreaterThan(0);
    for (const image of deployed) expect(image).toEqual(layers);
  });

  it.skipIf(cosign === undefined)("has attestations that the real cosign accepts, with its key alone", () => {
    const image = entry()?.deployments["world"]?.image ?? "";
    const verified = (type: string, key: string): SpawnSyncReturns<string> =>
      spawnSync(
        cosign ?? "",
        [
          "verify-attestation",
          ...["--key", key, "--type", type, "--insecure-ignore-tlog=true"],
          ...["--allow-http-registry", image],
        ],
        { encoding: "utf8", env: { ...process.env, DOCKER_CONFIG: logins }, timeout: 60_000 },
      );
    for (const type of ["slsaprovenance1", "cyclonedx"]) {
      const { status, stdout, stderr } = verified(type, keys.open);
      expect(status, stderr).toBe(0);
      expect(stdout).toContain('"payloadType":"application/vnd.in-toto+json"');
    }
    const stranger = join(logins, "stranger.pub");
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileSync(stranger, publicKey.export({ type: "spki", format: "pem" }));
    expect(verified("cyclonedx", stranger).status).not.toBe(0);
  });

  it("has its provenance and SBOM beside it, signed, and says who signed them", async () => {
    const verify = (key: string): Promise<Ran> =>
      mesaTemplate(
        ["verify", VERSION, "--template", "debian", "--root", root, "--attestations", "--key", key, "--json"],
        {
          env: { DOCKER_CONFIG: logins, BL_API_KEY: undefined },
        },
      );
    const good = await verify(keys.open);
    expect(good.code, good.stderr).toBe(0);
    expect(good.json<{ results: { signedBy: string }[] }>().results[0]?.signedBy).toBe(
      entry()?.image.signedBy,
    );
    const other = generateKeyPairSync("ed25519").publicKey;
    writeFileSync(keys.open, other.export({ type: "spki", format: "pem" }));
    const bad = await verify(keys.open);
    expect([bad.code, errorCode(bad)]).toEqual([7, "ATTESTATION_UNTRUSTED"]);
  });

  it("has nothing to do a second time: it neither pushes nor deploys", async () => {
    await forgetRequests();
    const again = await run("release", `${bearer()}/private/boxes`, ["--sign-key", keys.secret]);
    expect(again.json<{ results: { upToDate: boolean }[] }>().results[0]?.upToDate).toBe(true);
    expect(await requests("registry")).toEqual([]);
    expect(await requests("blaxel")).toEqual([]);
  });

  it("makes sandboxes of an image that Blaxel must import with a login", async () => {
    const args = ["sandbox", "run", VERSION, "--template", "debian", "--repo", "acme/demo", "--root", root];
    const env = { DOCKER_CONFIG: logins };
    const ran = await mesaTemplate([...args, "--json", "--", "true"], { env });
    expect(ran.code, ran.stderr).toBe(0);
    const none = await mesaTemplate([...args, "--json", "--", "true"], {
      env: { DOCKER_CONFIG: "/nonexistent" },
    });
    expect([none.code, errorCode(none)]).toEqual([3, "IMPORT_LOGIN"]);
  });

  it("refuses prod while the tag points at another project's image", async () => {
    await pushAs(await anotherImage());
    const moved = await run("deploy", `${bearer()}/private/boxes`, ["--workspace", "prod"]);
    expect([moved.code, errorCode(moved)]).toEqual([7, "TAG_MOVED"]);
    expect(entry()?.deployments["prod"]).toBeUndefined();
    await pushAs(entry()?.image.id ?? "");
  });

  it("deploys the same digest to prod without a build", async () => {
    const prod = await run("deploy", `${bearer()}/private/boxes`, ["--workspace", "prod"]);
    expect(prod.code, prod.stderr).toBe(0);
    const done = { build: "skipped", smoke: "reused", push: "reused", deploy: "done" };
    expect(stagesOf(prod)).toMatchObject(done);
    expect(entry()?.deployments["prod"]?.registryDigest).toBe(entry()?.image.registryDigest);
    expect(await uploads()).toBe(0);
    expectNoSecret(prod);
  });

  it("brings the same bytes into another registry without deploying them again", async () => {
    const before = entry()?.image.registryDigest;
    const done = await run("release", `${basic()}/open/boxes`);
    expect(done.code, done.stderr).toBe(0);
    expect(stagesOf(done)).toMatchObject({ deploy: "reused", verify: "reused", record: "done" });
    const registryReference = `${basic()}/open/boxes/mesa-debian:${VERSION}-1`;
    expect(entry()?.image).toMatchObject({ registryDigest: before, registryReference });
    expectNoSecret(done);
  });
});
