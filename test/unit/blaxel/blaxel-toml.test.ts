import { describe, expect, it } from "vitest";
import { parseBlaxelToml, refuseNewerFields } from "../../../src/blaxel/blaxel-toml";

const HEAD = 'name = "mesa-x"\ntype = "sandbox"\n';

describe("blaxel.toml", () => {
  it("passes what really arrives at Blaxel", () => {
    const text = `${HEAD}region = "us-pdx-1"\n[env]\nA = "1"\nB = "costs $5"\n[runtime]\nmemory = 4096\nttl = "24h"\nexpires = "2027-01-01T00:00:00Z"\n[runtime.extraArgs]\ntun = "enabled"\n[[runtime.ports]]\nname = "app"\ntarget = 3000\nprotocol = "tcp"\n[[volumes]]\nname = "v"\nmountPath = "/d"\n[build]\nslim = false\n[build.args]\nA = "1"\n`;
    expect(parseBlaxelToml(text, "debian")).toMatchObject({
      name: "mesa-x",
      region: "us-pdx-1",
    });
  });

  it("passes a name of 49 characters", () => {
    const name = `m${"x".repeat(48)}`;
    expect(parseBlaxelToml(`name = "${name}"\ntype = "sandbox"\n`, "debian")).toMatchObject({ name });
  });

  it.each([
    ["a name of 50", `name = "m${"x".repeat(49)}"\ntype = "sandbox"\n`, "name: Blaxel takes at most 49"],
    ["capitals in the name", 'name = "Mesa"\ntype = "sandbox"\n', "name: lower-case letters"],
    ["no type", 'name = "x"\n', "type"],
    ["another type", 'name = "x"\ntype = "Sandbox"\n', "type"],
    ["a syntax error", `${HEAD}[runtime\n`, "is not TOML"],
    ["a key that stands twice", `${HEAD}name = "y"\n`, "is not TOML"],
    ["an unknown key", `${HEAD}nonsense = 1\n`, "nonsense: bl does not send this field"],
    [
      "a workspace",
      `${HEAD}workspace = "w"\n`,
      "workspace: bl sends the request to the workspace it is signed in to",
    ],
    ["policies", `${HEAD}policies = ["p"]\n`, "policies: bl drops it"],
    ["public", `${HEAD}public = true\n`, "public: bl drops it"],
    ["triggers", `${HEAD}[[triggers]]\ntype = "http"\n`, "triggers: bl drops it"],
    ["lifecycle", `${HEAD}[lifecycle]\na = 1\n`, "lifecycle: bl drops it"],
    ["network", `${HEAD}[network]\na = 1\n`, "network: bl drops it"],
    ["vpc", `${HEAD}vpc = "v"\n`, "vpc: bl drops it"],
    [
      "memory at the top",
      `${HEAD}memory = 4096\n`,
      "memory: bl reads it at the top level for applications only",
    ],
    ["a ready image", `${HEAD}image = "docker.io/a/b:1"\n`, "image: with it bl builds nothing"],
    ["other packages", `${HEAD}[job.a]\npath = "a"\n`, "job: bl would deploy another project"],
    ["generation", `${HEAD}[runtime]\ngeneration = "mk3"\n`, "runtime.generation: bl drops it"],
    ["storageMb", `${HEAD}[runtime]\nstorageMb = 1\n`, "runtime.storageMb: bl drops it"],
    ["timeout", `${HEAD}[runtime]\ntimeout = "1h"\n`, "runtime.timeout: bl drops it"],
    ["runtime.envs", `${HEAD}[[runtime.envs]]\nname = "A"\n`, "runtime.envs: bl overwrites it"],
    ["memory as text", `${HEAD}[runtime]\nmemory = "4096"\n`, "runtime.memory"],
    ["memory with a fraction", `${HEAD}[runtime]\nmemory = 4096.5\n`, "runtime.memory"],
    ["a ttl as a number", `${HEAD}[runtime]\nttl = 24\n`, "runtime.ttl"],
    ["a ttl without a unit", `${HEAD}[runtime]\nttl = "24"\n`, "a duration is written like 24h"],
    ["an expiry that is no time", `${HEAD}[runtime]\nexpires = "tomorrow"\n`, "runtime.expires"],
    [
      "an unknown key of a volume",
      `${HEAD}[[volumes]]\nname = "v"\nmountPath = "/d"\nsize = 1\n`,
      "volumes.0.size: bl does not send",
    ],
    [
      "a port of Blaxel's own",
      `${HEAD}[[runtime.ports]]\nname = "a"\ntarget = 8080\nprotocol = "tcp"\n`,
      "port 8080 is reserved",
    ],
    ["an env value that is a number", `${HEAD}[env]\nA = 1\n`, "env.A"],
    [
      "a variable of bl's environment",
      `${HEAD}[env]\nA = "$HOME"\n`,
      "env.A: bl replaces a value that is exactly $NAME",
    ],
    ["a secret of bl's environment", `${HEAD}[env]\nA = "\${secrets.X:d}"\n`, "env.A: bl replaces a value"],
    ["the API key", `${HEAD}[env]\nBL_API_KEY = "k"\n`, "env.BL_API_KEY: bl never sends it"],
    [
      "our own mark",
      `${HEAD}[env]\nMESA_TEMPLATE_INPUTS = "k"\n`,
      "env.MESA_TEMPLATE_INPUTS: this program marks",
    ],
  ])("refuses %s, with the reason", (_what, text, says) => {
    expect(() => parseBlaxelToml(text, "debian")).toThrow(
      expect.objectContaining({ code: "BLAXEL_TOML", kind: "usage", template: "debian" }),
    );
    expect(() => parseBlaxelToml(text, "debian")).toThrow(says);
  });

  const NEWER: readonly (readonly [string, string])[] = [
    ["labels", '[labels]\nteam = "agents"\n'],
    ["build.dockerfile", '[build]\ndockerfile = "Dockerfile"\n'],
    ["build.memoryMb", "[build]\nmemoryMb = 8192\n"],
    ["build.volumeMb", "[build]\nvolumeMb = 0\n"],
    ["build.region", '[build]\nregion = "us-pdx-1"\n'],
    ["build.experimental", "[build]\nexperimental = true\n"],
    ["build.cacheDrive", "[build]\ncacheDrive = true\n"],
  ];

  it.each(NEWER)("refuses %s only for a bl that drops it", (field, text) => {
    const toml = parseBlaxelToml(HEAD + text, "debian");
    expect(() => {
      refuseNewerFields(toml, "debian", "0.1.108");
    }).toThrow(`${field}: bl 0.1.108 drops it`);
    refuseNewerFields(toml, "debian", "0.1.109");
  });

  it.each([
    ["another Dockerfile", '[build]\ndockerfile = "other/Dockerfile"\n', "it must be Dockerfile"],
    ["memory beyond the builder's", "[build]\nmemoryMb = 32769\n", "build.memoryMb"],
    ["labels that are no text", "[labels]\na = 1\n", "labels.a"],
  ])("refuses %s whatever the bl", (_what, text, says) => {
    expect(() => parseBlaxelToml(HEAD + text, "debian")).toThrow(says);
  });
});
