import type { CommandSpec } from "../command";
import { BUILDER_OPTION, CHECKS_OPTION, DEPLOY_OPTIONS, SCAN_OPTION } from "./release";

export const renderCommand: CommandSpec = {
  usage: "render <mesa-version>",
  describe: "write the project folders from the locks that are there",
  options: {
    check: {
      type: "boolean",
      describe: "write nothing; exit 9 when a folder differs from what would be rendered",
    },
  },
  load: () => import("../handlers/render"),
};
export const buildCommand: CommandSpec = {
  usage: "build <mesa-version>",
  describe: "lock, render and build the images",
  options: {
    force: { type: "boolean", describe: "build again, without cache" },
    relock: { type: "boolean", describe: "resolve all inputs anew" },
    "trust-key": { type: "string", describe: "fingerprint to trust on first use" },
    ...SCAN_OPTION,
    ...BUILDER_OPTION,
  },
  load: () => import("../handlers/build"),
};
export const deployCommand: CommandSpec = {
  usage: "deploy <mesa-version>",
  describe: "bring proven images to Blaxel (the release without its verification)",
  options: DEPLOY_OPTIONS,
  load: () => import("../handlers/deploy"),
};
export const verifyCommand: CommandSpec = {
  usage: "verify <ref>",
  describe: "smoke again in a sandbox made from what was deployed",
  options: {
    "allow-skipped": { type: "boolean", describe: "go on although a check could not run there" },
    ...CHECKS_OPTION,
  },
  load: () => import("../handlers/verify"),
};
export const smokeCommand: CommandSpec = {
  usage: "smoke [ref]",
  describe: "prove the images of a version in local containers, or run test files against any local image",
  options: {
    "allow-skipped": { type: "boolean", describe: "a check that could not run here is no failure" },
    image: {
      type: "string",
      array: true,
      requiresArg: true,
      describe: "a local image instead of a version; with --structure-tests or --checks (repeatable)",
    },
    "structure-tests": {
      type: "string",
      array: true,
      describe: "a container-structure-test file, besides the template's own (repeatable)",
    },
    ...CHECKS_OPTION,
    junit: { type: "string", requiresArg: true, describe: "write the results to this file as JUnit XML" },
  },
  load: () => import("../handlers/smoke"),
};
export const doctorCommand: CommandSpec = {
  usage: "doctor",
  describe: "look at everything that is needed, and say what to do",
  load: () => import("../handlers/doctor"),
};
