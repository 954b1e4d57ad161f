import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const units = (...names: readonly string[]): string[] => names.map((name) => `test/unit/${name}.test.ts`);

/** Those that put something in a module's place: whoever shares a worker with them would get it, too. */
const REPLACE = units(
  "blaxel/temporary-sandbox",
  "blaxel/core",
  "deploy/verify",
  "release/drift",
  "release/upgrade",
  "sandbox/leftovers",
);
/** Those that start the built program or many processes, and the model with its hundreds of sequences: no engine, no world. */
const PROGRAM = units(
  "cli/breakage",
  "cli/channel-commands",
  "cli/channel-workflows",
  "cli/completion-shell",
  "cli/ending",
  "cli/keep-alive",
  "cli/makefile",
  "cli/package",
  "gc/gc",
  "manifest/writing",
  "release/model",
  "renovate",
);

// No test asks the internet. To read these certificates takes node longer than all else at its start, and tests start it often.
const ENVIRONMENT = { NODE_EXTRA_CA_CERTS: "" };

// Neither the world that runs beside them nor a developer's shell names a workspace to them.
const UNIT = { exclude: [], testTimeout: 20_000, env: { ...ENVIRONMENT, BL_WORKSPACE: "" } };

// Real processes, containers and clocks: a machine that stalls can fail a test of them. It gets one second try, and scripts/test.sh names it.
const SECOND_TRY = { retry: 1 };

export default defineConfig({
  test: {
    // Vitest's own default leaves one of two cores idle.
    maxWorkers: availableParallelism(),
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
      {
        test: {
          ...SECOND_TRY,
          name: "e2e",
          env: ENVIRONMENT,
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/e2e/worlds.ts"],
          setupFiles: ["test/e2e/own-world.ts"],
          testTimeout: 240_000,
          hookTimeout: 600_000,
          maxConcurrency: 2,
        },
      },
    ],
  },
});
