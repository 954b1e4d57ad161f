import { readFileSync, writeFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Manifest } from "../../src/manifest/entry";
import { readStream } from "../world/engine";
import { REGISTRY_LOGIN } from "../world/registry/tokens";
import { mesaTemplate, temporaryRoot, type Ran } from "./program";
import { fault, faultsOff, resetWorld, state, uploads } from "./world";

const VERSION = "0.26.0";
const { root, remove } = temporaryRoot();
const logins = mkdtempSync(join(tmpdir(), "mesa-template-logins-"));
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
  env: Readonly<Record<string, string>> = {},
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
  return mesaTemplate(args, { env: { DOCKER_CONFIG: logins, ...env } });
}

const manifest = (): Manifest =>
  JSON.parse(readFileSync(join(root, "dockerfiles/manifest.json"), "utf8")) as Manifest;
const entry = () => manifest().versions[`debian@${VERSION}-1`];
const stagesOf = (ran: Ran) =>
  Object.fromEntries(
    (
      ran.json<{ results: { stages: { stage: string; outcome: string }[] }[] }>().results[0]?.stages ?? []
    ).map(({ stage, outcome }) => [stage, outcome]),
  );
const errorCode = (ran: Ran): string => ran.json<{ error: { code: string } }>().error.code;

beforeAll(async () => {
  await resetWorld();
  const auth = secrets[1];
  writeFileSync(
    join(logins, "config.json"),
    JSON.stringify({ auths: { [bearer()]: { auth }, [basic()]: { auth } } }),
  );
});
afterEach(faultsOff);
afterAll(async () => {
  remove();
  rmSync(logins, { recursive: true, force: true });
  await resetWorld();
});

describe("a release by way of a registry", () => {
  it("refuses a push that is refused, and a registry that lies, and records nothing as deployed", async () => {
    await fault("registry-push-refused");
    const refused = await run("release", `${bearer()}/open/boxes`);
    expect([refused.code, errorCode(refused)]).toEqual([3, "PUSH_REFUSED"]);
    await faultsOff();
    await fault("registry-lies-about-digest");
    const lied = await run("release", `${bearer()}/open/boxes`);
    expect([lied.code, errorCode(lied)]).toEqual([4, "REGISTRY_WRONG_BYTES"]);
    expect((await state()).sandboxes).toEqual([]);
  });

  it("deploys to staging what was proven, and the same digest to prod without a build", async () => {
    const staged = await run("release", `${bearer()}/open/boxes`);
    expect(staged.code, staged.stderr).toBe(0);
    const digest = entry()?.image.registryDigest;
    expect(digest).toMatch(/^sha256:/u);
    expect(entry()?.deployments["world"]?.registryDigest).toBe(digest);
    const prod = await run("deploy", `${bearer()}/open/boxes`, ["--workspace", "prod"]);
    expect(prod.code, prod.stderr).toBe(0);
    expect(stagesOf(prod)).toMatchObject({
      build: "skipped",
      smoke: "reused",
      push: "reused",
      deploy: "done",
    });
    expect(entry()?.deployments["prod"]?.registryDigest).toBe(digest);
    expect(await uploads()).toBe(0);
    const records = join(root, "dockerfiles/debian", VERSION, "records/1");
    for (const document of ["provenance.intoto.json", "sbom.cdx.json"])
      expect(readFileSync(join(records, document), "utf8")).toContain(digest?.slice("sha256:".length));
    for (const ran of [staged, prod])
      for (const secret of secrets)
        expect(ran.stdout + ran.stderr + JSON.stringify(manifest())).not.toContain(secret);
    const again = await run("release", `${bearer()}/open/boxes`);
    expect(again.json<{ results: { upToDate: boolean }[] }>().results[0]?.upToDate).toBe(true);
  });

  it("refuses a tag that moved between push and deploy", async () => {
    const docker = new Docker();
    const reference = entry()?.image.registryReference ?? "";
    const images = await docker.listImages({ filters: { reference: ["mesa-template-world/base-image"] } });
    const [repo = "", tag = ""] = reference.split(/:(?=[^:]*$)/u);
    await docker.getImage(images[0]?.Id ?? "").tag({ repo, tag });
    await readStream(await docker.getImage(reference).push({ authconfig: REGISTRY_LOGIN as never }));
    await docker.getImage(reference).remove();
    const moved = await run("deploy", `${bearer()}/open/boxes`, ["--workspace", "prod", "--adopt"], {
      BL_WORKSPACE: "prod",
    });
    // Up to date there: only what is to be deployed is looked at.
    expect(moved.code).toBe(0);
  });

  it("gives Blaxel the login of a private registry, and says that there is none", async () => {
    const none = await run("release", `${basic()}/private/boxes`, [], { DOCKER_CONFIG: "/nonexistent" });
    expect([none.code, errorCode(none)]).toEqual([3, "PUSH_REFUSED"]);
    const done = await run("release", `${basic()}/private/boxes`);
    expect(done.code, done.stderr).toBe(0);
    for (const secret of secrets)
      expect(done.stdout + done.stderr + JSON.stringify(manifest())).not.toContain(secret);
  });
});
