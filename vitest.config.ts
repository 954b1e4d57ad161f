import { defineConfig, type TestProjectConfiguration } from "vitest/config";

/** Those that mostly wait, for polls and time limits; FAULTS also those of what is made to go wrong. */
const DEPLOY = ["deploy-recovers", "deploy-push"].map((name) => `test/e2e/${name}.test.ts`);
const FAULTS = ["deploy-faults", "bl-stand-in", "evidence"].map((name) => `test/e2e/${name}.test.ts`);
/** Those of sandboxes, and of the world's parts that run in them. */
const SANDBOX = ["sandbox*", "world-*"].map((name) => `test/e2e/${name}.test.ts`);
/** Those of what templates and images hold. */
const IMAGES = [
  "build",
  "buildx",
  "checks-file",
  "example-claude-code",
  "image-contents",
  "own-templates",
  "plain-image",
  "publish",
  "structure-tests",
].map((name) => `test/e2e/${name}.test.ts`);
/** Those on engines of their own. */
const ENGINES = ["containerd-store", "podman", "podman-rootless", "remote-engine"].map(
  (name) => `test/e2e/${name}.test.ts`,
);

/** Those that put something in a module's place: whoever shares a worker with them would get it, too. */
const REPLACE = ["release/model", "blaxel/temporary-sandbox", "blaxel/core"].map(
  (name) => `test/unit/${name}.test.ts`,
);

function unit(
  name: string,
  isolate: boolean,
  include: readonly string[],
  exclude: readonly string[] = [],
): TestProjectConfiguration {
  return {
    test: {
      name,
      isolate,
      include: [...include],
      exclude: [...exclude],
      testTimeout: 20_000,
      // Neither the world that runs beside them nor a developer's shell names a workspace to them.
      env: { BL_WORKSPACE: "" },
    },
  };
}

function endToEnd(
  name: string,
  include: readonly string[],
  exclude: readonly string[] = [],
): TestProjectConfiguration {
  return {
    test: {
      name,
      include: [...include],
      exclude: [...exclude],
      globalSetup: ["test/e2e/world-setup.ts"],
      testTimeout: 240_000,
      hookTimeout: 600_000,
      fileParallelism: false,
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      // A third of the processor's time went into loading the same modules once a file.
      unit("unit", false, ["test/unit/**/*.test.ts"], REPLACE),
      unit("unit-replace", true, REPLACE),
      endToEnd("e2e-deploy", DEPLOY),
      endToEnd("e2e-faults", FAULTS),
      endToEnd("e2e-sandbox", SANDBOX),
      endToEnd("e2e-images", IMAGES),
      endToEnd("e2e-engines", ENGINES),
      endToEnd("e2e", ["test/e2e/**/*.test.ts"], [...DEPLOY, ...FAULTS, ...SANDBOX, ...IMAGES, ...ENGINES]),
    ],
  },
});
