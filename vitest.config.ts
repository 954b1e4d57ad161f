import { defineConfig } from "vitest/config";

const endToEnd = (...names: readonly string[]): string[] => names.map((name) => `test/e2e/${name}.test.ts`);

/** Those that mostly wait, for polls and time limits; FAULTS also those of what is made to go wrong. */
const DEPLOY = endToEnd("deploy-recovers", "deploy-push");
const FAULTS = endToEnd("deploy-faults", "evidence");
/** Those of the stand-ins themselves: nothing of the product has a part in them. */
const WORLD = endToEnd("bl-stand-in", "sandbox-api-*", "world-mesa");
const SANDBOX = endToEnd("sandbox*");
/** Those of what templates and images hold. */
const IMAGES = endToEnd(
  "build",
  "buildx",
  "checks-file",
  "example-claude-code",
  "image-contents",
  "own-templates",
  "plain-image",
  "publish",
  "structure-tests",
  "world-registry",
);
/** Those on engines of their own. */
const ENGINES = endToEnd("containerd-store", "podman", "podman-rootless", "remote-engine");

const units = (...names: readonly string[]): string[] => names.map((name) => `test/unit/${name}.test.ts`);

/** Those that put something in a module's place: whoever shares a worker with them would get it, too. */
const REPLACE = units("blaxel/temporary-sandbox", "blaxel/core");
/** Those that start the built program or many processes, and the model with its hundreds of sequences: no engine, no world. */
const PROGRAM = units(
  ...["breakage", "channel-workflows", "completion-shell", "ending", "keep-alive", "makefile", "package"].map(
    (name) => `cli/${name}`,
  ),
  "gc/gc",
  "manifest/writing",
  "release/model",
  "renovate",
);

// Neither the world that runs beside them nor a developer's shell names a workspace to them.
const UNIT = { exclude: [], testTimeout: 20_000, env: { BL_WORKSPACE: "" } };

// Real processes, containers and clocks: a machine that stalls can fail a test of them. It gets one second try, and scripts/test.sh names it.
const SECOND_TRY = { retry: 1 };

const END_TO_END = {
  ...SECOND_TRY,
  exclude: [],
  globalSetup: ["test/e2e/world-setup.ts"],
  testTimeout: 240_000,
  hookTimeout: 600_000,
  fileParallelism: false,
  maxConcurrency: 2,
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
          exclude: [...REPLACE, ...PROGRAM],
        },
      },
      { test: { ...UNIT, name: "unit-replace", include: REPLACE } },
      { test: { ...UNIT, ...SECOND_TRY, name: "program", include: PROGRAM } },
      { test: { ...END_TO_END, name: "e2e-deploy", include: DEPLOY } },
      { test: { ...END_TO_END, name: "e2e-faults", include: FAULTS } },
      { test: { ...END_TO_END, name: "e2e-sandbox", include: SANDBOX, exclude: WORLD } },
      { test: { ...END_TO_END, name: "e2e-world", include: WORLD } },
      { test: { ...END_TO_END, name: "e2e-images", include: IMAGES } },
      { test: { ...END_TO_END, name: "e2e-engines", include: ENGINES } },
      {
        test: {
          ...END_TO_END,
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          exclude: [...DEPLOY, ...FAULTS, ...SANDBOX, ...WORLD, ...IMAGES, ...ENGINES],
        },
      },
    ],
  },
});
