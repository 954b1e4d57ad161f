import { describe, expect, it } from "vitest";
import { generationOf } from "../../../src/mesa/generation";
import { mountPlan, serviceVariables, type MountPlan } from "../../../src/mesa/mount-plan";
import { parseRepo, placeMounts } from "../../../src/mesa/mounts";

const CREDENTIAL = "mesa_0123456789abcdef";
const OWN_SERVICE = { org: "acme", apiUrl: "https://api.mesa.dev/v1" };
const VERSIONS = ["0.15.0", "0.20.0", "0.26.0", "0.38.0", "0.43.0", "0.46.0", "0.49.1"];

function planFor(version: string, write = true): MountPlan {
  return mountPlan({
    version,
    access: OWN_SERVICE,
    mounts: placeMounts(
      version,
      "acme",
      ["acme/demo", "acme/other"].map((repo) => parseRepo(repo, write)),
    ),
    credential: CREDENTIAL,
    base: "/tmp/m",
  });
}

/** Variables of the mount command whose value is, or holds, one of the plan's secrets. */
function carriers({ env, secrets }: MountPlan): readonly string[] {
  return Object.entries(env)
    .filter(([, value]) => secrets.some((secret) => value.includes(secret)))
    .map(([name]) => name);
}

describe("how each generation mounts", () => {
  it.each([
    ["0.15.0", ["MESA_TEMPLATE_KEY"], "mesa -c /tmp/m/config.toml mount --daemonize"],
    ["0.20.0", ["MESA_ORGS"], "mesa mount -d -y"],
    ["0.26.0", ["MESA_ORGS", "MESA_VAULT_PASSPHRASE"], "mesa mount --daemonize -y"],
    ["0.38.0", ["MESA_API_KEY"], "mesa mount -d -y"],
    ["0.43.0", ["MESA_ACCESS_TOKEN"], "mesa mount -d"],
    ["0.46.0", ["MESA_ACCESS_TOKEN"], "mesa mount -d"],
    ["0.49.1", ["MESA_ACCESS_TOKEN"], "mesa mount -d --layout /tmp/m/layout.json"],
  ])("%s: the credential in %j, by %s", (version, variables, command) => {
    const plan = planFor(version);
    expect(carriers(plan)).toEqual(variables);
    expect(plan.script.endsWith(command)).toBe(true);
  });

  it.each(VERSIONS)("%s: nothing secret is in the script, the paths or the files' names", (version) => {
    const { env, secrets, ...shown } = planFor(version);
    expect(env).not.toEqual({});
    for (const secret of secrets) expect(JSON.stringify(shown)).not.toContain(secret);
  });

  it.each(VERSIONS)("%s: everything is below the given folder", (version) => {
    const plan = planFor(version);
    expect(plan.paths).toEqual({
      "acme/demo": "/tmp/m/mnt/acme/demo",
      "acme/other": "/tmp/m/mnt/acme/other",
    });
    const { HOME, MESA_MOUNT_POINT, MESA_RUNTIME_DIR, MESA_DAEMON_LOG_FILE } = plan.env;
    for (const path of [HOME, MESA_MOUNT_POINT, MESA_RUNTIME_DIR, MESA_DAEMON_LOG_FILE, ...plan.leftovers])
      expect(path).toMatch(/^\/tmp\/m\//u);
  });

  it.each(VERSIONS)(
    "%s: files with the credential are named exactly where the CLI leaves some",
    (version) => {
      expect(planFor(version).leftovers.length > 0).toBe(generationOf(version).leavesCredentialOnDisk);
    },
  );

  it.each([
    [true, "rw"],
    [false, "ro"],
  ])("from 0.48 on a layout has the paths of before (for writing: %s)", (write, mode) => {
    const { env } = planFor("0.49.1", write);
    expect(JSON.parse(env["MESA_TEMPLATE_LAYOUT"] ?? "")).toEqual({
      "/acme/demo": { kind: "repo", mode, name: "demo" },
      "/acme/other": { kind: "repo", mode, name: "other" },
    });
    expect(env).not.toHaveProperty("MESA_ORG");
  });

  it("gives the secret store a passphrase that does not tell the key", () => {
    const { MESA_VAULT_PASSPHRASE: passphrase = "" } = planFor("0.26.0").env;
    expect(passphrase.length).toBeGreaterThan(30);
    expect(passphrase).not.toContain(CREDENTIAL.slice(5));
    expect(passphrase.split("").reverse().join("")).not.toContain(CREDENTIAL.slice(5));
  });
});

describe("the CLI's variables for an API other than Mesa's own", () => {
  it.each([
    ["https://api.mesa.dev/v1", {}],
    [
      "https://api.mesa.example/v1",
      { MESA_API_URL: "https://api.mesa.example", MESA_SERVICE_DOMAIN: "mesa.example" },
    ],
    ["http://172.17.0.1:4000/v1", { MESA_API_URL: "http://172.17.0.1:4000" }],
    ["https://mesa.example:8443/v1", { MESA_API_URL: "https://mesa.example:8443" }],
  ])("%s", (url, variables) => {
    expect(serviceVariables(url)).toEqual(variables);
  });
});
