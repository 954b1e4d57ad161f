import { defineConfig, type TestProjectConfiguration } from "vitest/config";

/** End-to-end tests that look at everything on the engine, what others make there included. */
const ALONE = ["build", "release"].map((name) => `test/e2e/${name}.test.ts`);
/** Those that mostly wait, for polls and time limits: others may run meanwhile, in a world of their own. */
const WAITING = ["deploy-*", "bl-stand-in"].map((name) => `test/e2e/${name}.test.ts`);
/** Those on engines of their own. */
const ENGINES = ["podman", "podman-rootless", "remote-engine"].map((name) => `test/e2e/${name}.test.ts`);

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
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          testTimeout: 20_000,
          // Neither the world that runs beside them nor a developer's shell names a workspace to them.
          env: { BL_WORKSPACE: "" },
        },
      },
      endToEnd("e2e-alone", ALONE),
      endToEnd("e2e-waiting", WAITING),
      endToEnd("e2e-engines", ENGINES),
      endToEnd("e2e", ["test/e2e/**/*.test.ts"], [...ALONE, ...WAITING, ...ENGINES]),
    ],
  },
});
