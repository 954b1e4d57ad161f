import type { CommandSpec, CommonOption, OptionSpec } from "../command";

/** Where images are built. */
export const BUILDER_OPTION: Readonly<Record<string, OptionSpec>> = {
  builder: {
    type: "string",
    value: "NAME",
    describe:
      "build on this docker buildx builder (remote, Kubernetes …); classic: the engine without BuildKit (default: MESA_TEMPLATE_BUILDER)",
  },
};

/** Whether the built image is scanned. */
export const SCAN_OPTION: Readonly<Record<string, OptionSpec>> = {
  scan: {
    type: "string",
    choices: ["low", "medium", "high", "critical"],
    describe: "scan the image with grype or trivy; refuse it if a vulnerability has this severity or more",
  },
};

/** Options of all commands that release. */
export const CHECKS_OPTION = {
  checks: {
    type: "string",
    array: true,
    value: "FILE",
    describe: "run a check file besides the template's own checks.yaml",
  },
} as const;

/** Options of all commands that deploy. */
export const DEPLOY_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  force: { type: "boolean", describe: "start over: build and smoke-test again" },
  relock: {
    type: "boolean",
    describe: "resolve all inputs again (changed inputs make the next revision)",
  },
  frozen: {
    type: "boolean",
    describe: "resolve nothing: fail when a lock is missing, edited, or does not match",
  },
  "allow-skipped": { type: "boolean", describe: "continue although a check could not run here" },
  "trust-key": {
    type: "string",
    value: "FINGERPRINT",
    describe: "trust this repository key on first use",
  },
  adopt: {
    type: "boolean",
    describe: "deploy over a sandbox of the same name that this program did not make",
  },
  publish: {
    type: "string",
    describe: "how the image gets to Blaxel",
    choices: ["deploy", "push"],
    default: "deploy",
  },
  registry: {
    type: "string",
    value: "REGISTRY/PATH",
    describe:
      "push the proven image there, and let Blaxel import it by its digest (default: [publish] registry in upstream.toml)",
  },
  "sign-key": {
    type: "string",
    value: "FILE|env:NAME",
    describe:
      "sign provenance and SBOM of the published image with this private key (Ed25519 or ECDSA P-256, PKCS#8)",
  },
  sign: {
    type: "string",
    choices: ["cosign"],
    describe: "sign them with cosign and the pipeline's identity, without a key",
  },
  "deploy-timeout": {
    type: "string",
    value: "TIME",
    describe: "time limit for a deployment, until the image is seen running",
    default: "15m",
  },
  ...BUILDER_OPTION,
  "structure-tests": {
    type: "string",
    array: true,
    value: "FILE",
    describe: "run a container-structure-test file besides the template's own",
  },
  ...CHECKS_OPTION,
  ...SCAN_OPTION,
};

export const RELEASE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  deploy: { type: "boolean", describe: "stop after smoke; deploy nothing", default: true },
  verify: {
    type: "boolean",
    describe: "do not test again in a sandbox made from the deployed image",
    default: true,
  },
  refresh: {
    type: "boolean",
    describe:
      "build again with today's packages; the next revision is made only if files or packages have changed",
  },
  ...DEPLOY_OPTIONS,
};

export const RELEASE_COMMON: readonly CommonOption[] = [
  "template",
  "workspace",
  "upstream",
  "concurrency",
  "dry-run",
];

export const RELEASE_EXITS = {
  3: "the environment: no engine, no bl, no credentials, no network",
  4: "an input does not verify or does not exist",
  5: "the build failed",
  6: "smoke failed",
  7: "deployment or verification failed",
} as const;

export const releaseCommand: CommandSpec = {
  usage: "release <mesa-version>",
  describe: "lock, render, build, smoke-test, deploy, verify and record a Mesa version",
  details:
    "A run that was stopped resumes after its last finished stage. When everything is up to date, it does nothing.",
  options: RELEASE_OPTIONS,
  common: RELEASE_COMMON,
  changes: true,
  examples: [
    "release 0.26.0",
    "release 0.26.0 --template debian --no-deploy",
    "release 0.26.0 --dry-run",
    "release 0.26.0 --refresh",
    "release 0.26.0 --json --events events.ndjson > result.json",
  ],
  exits: RELEASE_EXITS,
  load: () => import("../handlers/release"),
};
