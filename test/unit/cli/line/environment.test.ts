import { afterAll, describe, expect, it } from "vitest";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { COMMAND_GROUPS } from "../../../../src/cli/commands";
import { environmentWarnings, optionsFromEnvironment } from "../../../../src/cli/line/environment";
import { blVersion } from "../../../../src/blaxel/bl-version";
import type { Host } from "../../../../src/support/host";
import { workFolder } from "../fixture/built";
import { runMain } from "../fixture/run-main";

const COMMANDS = COMMAND_GROUPS.flatMap(({ commands }) => commands);
const work = workFolder("environment");
afterAll(work.remove);

describe("options from the environment", () => {
  it("are the common ones, each as its type", () => {
    expect(
      optionsFromEnvironment({
        MESA_TEMPLATE_TEMPLATE: "debian,alpine",
        MESA_TEMPLATE_ROOT: "/r",
        MESA_TEMPLATE_WORKSPACE: "prod",
        MESA_TEMPLATE_UPSTREAM: "u.toml",
        MESA_TEMPLATE_CONCURRENCY: "2",
        MESA_TEMPLATE_DRY_RUN: "yes",
        MESA_TEMPLATE_JSON: "0",
        MESA_TEMPLATE_EVENTS: "e",
      }),
    ).toEqual({
      template: "debian,alpine",
      root: "/r",
      workspace: "prod",
      upstream: "u.toml",
      concurrency: 2,
      "dry-run": true,
      json: false,
      events: "e",
    });
  });

  it("leave every other option to the command line, whatever command it belongs to", () => {
    const others = COMMANDS.flatMap(({ options = {} }) => Object.keys(options));
    const env = Object.fromEntries(
      others.map((name) => [`MESA_TEMPLATE_${name.toUpperCase().replaceAll("-", "_")}`, "x"]),
    );
    expect(optionsFromEnvironment(env)).toEqual({});
  });

  it.each([
    ["MESA_TEMPLATE_DRY_RUN", "perhaps"],
    ["MESA_TEMPLATE_CONCURRENCY", "two"],
  ])("refuse %s=%s", (name, value) => {
    expect(() => optionsFromEnvironment({ [name]: value })).toThrow(`${name} is "${value}"`);
  });

  it("are unset where they are empty", () => {
    expect(optionsFromEnvironment({ MESA_TEMPLATE_ROOT: "", MESA_TEMPLATE_JSON: "" })).toEqual({});
  });
});

describe("a variable without effect", () => {
  it.each([
    ["MESA_TEMPLATE_DEPLOY", "MESA_TEMPLATE_DEPLOY has no effect: give --deploy on the command line"],
    ["MESA_TEMPLATE_UPSTRAEM", "MESA_TEMPLATE_UPSTRAEM has no effect. Did you mean MESA_TEMPLATE_UPSTREAM?"],
    ["MESA_TEMPLATE_DRYRUN", "Did you mean MESA_TEMPLATE_DRY_RUN?"],
    [
      "MESA_TEMPLATE_REGISTRY_PASWORD",
      "MESA_TEMPLATE_REGISTRY_PASWORD has no effect. Did you mean MESA_TEMPLATE_REGISTRY_PASSWORD?",
    ],
  ])("%s is warned about", (name, sentence) => {
    expect(environmentWarnings({ [name]: "1" }, COMMANDS)).toEqual([expect.stringContaining(sentence)]);
  });

  it.each([
    "MESA_TEMPLATE_BUILDER",
    "MESA_TEMPLATE_JSON",
    "MESA_TEMPLATE_REGISTRY",
    "MESA_TEMPLATE_TEAM_LINT",
  ])("%s is not", (name) => {
    expect(environmentWarnings({ [name]: "1" }, COMMANDS)).toEqual([]);
  });

  it("is warned about on stderr, and the command does its work", async () => {
    mkdirSync(join(work.folder, "templates"), { recursive: true });
    const ran = await runMain(["list", "--root", work.folder], {
      MESA_TEMPLATE_LIMT: "1",
      MESA_TEMPLATE_WORKSPCE: "x",
    });
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain(
      "MESA_TEMPLATE_WORKSPCE has no effect. Did you mean MESA_TEMPLATE_WORKSPACE?",
    );
  });
});

it("bl gets no credentials to say its version", async () => {
  const given: Record<string, string | undefined>[] = [];
  const run: Host["run"] = ({ env }) => {
    given.push({ ...env });
    return Promise.reject(new Error("seen"));
  };
  const host = { env: { PATH: "/bin" }, run } as unknown as Host;
  const credentials = { workspace: "w", apiKey: "secret", source: "BL_API_KEY" };
  await expect(blVersion({ host, path: "/bin/bl", folder: "/f", credentials })).rejects.toThrow();
  expect(given).toHaveLength(1);
  expect(given[0]?.["BL_API_KEY"]).toBeUndefined();
  expect(JSON.stringify(given)).not.toContain("secret");
});
