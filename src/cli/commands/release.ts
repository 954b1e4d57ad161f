import type { CommandSpec, OptionSpec } from "../command";

/** Where images are built. */
export const BUILDER_OPTION: Readonly<Record<string, OptionSpec>> = {
  builder: {
    type: "string",
    requiresArg: true,
    describe:
      "a docker buildx builder to build on (remote, Kubernetes …); classic: the engine without BuildKit",
  },
};

/** Whether what was built is scanned. */
export const SCAN_OPTION: Readonly<Record<string, OptionSpec>> = {
  scan: {
    type: "string",
    requiresArg: true,
    choices: ["low", "medium", "high", "critical"],
    describe: "scan the image with grype or trivy; refuse it for this severity or more",
  },
};

/** Options of everything that releases. */
export const CHECKS_OPTION = {
  checks: {
    type: "string",
    array: true,
    describe: "a check file, besides the template's own checks.yaml (repeatable)",
  },
} as const;

/** Options of everything that deploys. */
export const DEPLOY_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  force: { type: "boolean", describe: "start over: build and smoke again whatever is there" },
  relock: { type: "boolean", describe: "resolve all inputs anew (changed inputs make the next revision)" },
  frozen: {
    type: "boolean",
    describe: "resolve nothing: fail when a lock is missing, was edited, or no longer fits",
  },
  "allow-skipped": { type: "boolean", describe: "go on although a check could not run here" },
  "trust-key": { type: "string", describe: "fingerprint of the repository key to trust on first use" },
  adopt: { type: "boolean", describe: "deploy over a sandbox of that name that this program did not make" },
  publish: {
    type: "string",
    describe: "how the image gets to Blaxel",
    choices: ["deploy", "push"],
    default: "deploy",
  },
  "deploy-timeout": {
    type: "string",
    describe: "limit from before bl starts to the image seen running, e.g. 15m",
    default: "15m",
  },
  ...BUILDER_OPTION,
  "structure-tests": {
    type: "string",
    array: true,
    describe: "another container-structure-test file (repeatable)",
  },
  ...CHECKS_OPTION,
  ...SCAN_OPTION,
};

export const RELEASE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  ...DEPLOY_OPTIONS,
  deploy: { type: "boolean", describe: "deploy to Blaxel (--no-deploy stops after smoke)", default: true },
  verify: {
    type: "boolean",
    describe: "smoke again in a sandbox made from what was deployed (--no-verify: not)",
    default: true,
  },
};

export const releaseCommand: CommandSpec = {
  usage: "release <mesa-version>",
  describe: "lock, render, build, smoke, deploy, verify and record a Mesa version",
  options: RELEASE_OPTIONS,
  load: () => import("../handlers/release"),
};
