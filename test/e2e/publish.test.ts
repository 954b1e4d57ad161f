import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
const place = temporaryRoot();
const { root } = place;
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

const manifestText = (): string => readFileSync(join(root, "dockerfiles/manifest.json"), "utf8");
const entry = () => (JSON.parse(manifestText()) as Manifest).versions[`debian@${VERSION}-1`];
function expectNoSecret(ran: Ran): void {
  for (const secret of secrets) expect(ran.stdout + ran.stderr + manifestText()).not.toContain(secret);
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
  place.remove();
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

  it("deploys to staging what was proven", async () => {
    const staged = await run("release", `${bearer()}/open/boxes`);
    expect(staged.code, staged.stderr).toBe(0);
    const digest = entry()?.image.registryDigest;
    expect(digest).toMatch(/^sha256:/u);
    expect(entry()?.deployments["world"]?.registryDigest).toBe(digest);
    expect(await uploads()).toBe(0);
    const records = join(root, "dockerfiles/debian", VERSION, "records/1");
    for (const document of ["provenance.intoto.json", "sbom.cdx.json"])
      expect(readFileSync(join(records, document), "utf8")).toContain(digest?.slice("sha256:".length));
    expectNoSecret(staged);
    const again = await run("release", `${bearer()}/open/boxes`);
    expect(again.json<{ results: { upToDate: boolean }[] }>().results[0]?.upToDate).toBe(true);
  });

  it("refuses prod while the tag points at somebody else's image", async () => {
    await pushAs(await anotherImage());
    const moved = await run("deploy", `${bearer()}/open/boxes`, ["--workspace", "prod"]);
    expect([moved.code, errorCode(moved)]).toEqual([7, "TAG_MOVED"]);
    expect(entry()?.deployments["prod"]).toBeUndefined();
    await pushAs(entry()?.image.id ?? "");
  });

  it("deploys the same digest to prod without a build", async () => {
    const prod = await run("deploy", `${bearer()}/open/boxes`, ["--workspace", "prod"]);
    expect(prod.code, prod.stderr).toBe(0);
    const done = { build: "skipped", smoke: "reused", push: "reused", deploy: "done" };
    expect(stagesOf(prod)).toMatchObject(done);
    expect(entry()?.deployments["prod"]?.registryDigest).toBe(entry()?.image.registryDigest);
    expect(await uploads()).toBe(0);
    expectNoSecret(prod);
  });

  it("gives Blaxel the login of a private registry, and says that there is none", async () => {
    const none = await run("release", `${basic()}/private/boxes`, [], { DOCKER_CONFIG: "/nonexistent" });
    expect([none.code, errorCode(none)]).toEqual([3, "PUSH_REFUSED"]);
    const done = await run("release", `${basic()}/private/boxes`);
    expect(done.code, done.stderr).toBe(0);
    expectNoSecret(done);
  });
});
