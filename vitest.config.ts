import { defineConfig } from "vitest/config";

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

// Neither the world that runs beside them nor a developer's shell names a workspace to them.
const UNIT = { exclude: [], testTimeout: 20_000, env: { BL_WORKSPACE: "" } };

const END_TO_END = {
  exclude: [],
  globalSetup: ["test/e2e/world-setup.ts"],
  testTimeout: 240_000,
  hookTimeout: 600_000,
  fileParallelism: false,
};

export default defineConfig({
  test: {
    projects: [
      // A third of the processor's time went into loading the same modules once a file.
      {
        test: {
          ...UNIT,
          name: "unit",
          isolate: false,
          include: ["test/unit/**/*.test.ts"],
          exclude: REPLACE,
        },
      },
      { test: { ...UNIT, name: "unit-replace", include: REPLACE } },
      { test: { ...END_TO_END, name: "e2e-deploy", include: DEPLOY } },
      { test: { ...END_TO_END, name: "e2e-faults", include: FAULTS } },
      { test: { ...END_TO_END, name: "e2e-sandbox", include: SANDBOX } },
      { test: { ...END_TO_END, name: "e2e-images", include: IMAGES } },
      { test: { ...END_TO_END, name: "e2e-engines", include: ENGINES } },
      {
        test: {
          ...END_TO_END,
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          exclude: [...DEPLOY, ...FAULTS, ...SANDBOX, ...IMAGES, ...ENGINES],
        },
      },
    ],
  },
});
