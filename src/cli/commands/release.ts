import { choice, flag, list, text, type CommandGroup, type CommonOption, type OptionSpec } from "../command";
import { SEVERITIES } from "../../build/severity";

/** Options of builds. */
const BUILDER = text(
  "NAME",
  "build on this docker buildx builder (remote, Kubernetes …); classic: the engine without BuildKit (default: MESA_TEMPLATE_BUILDER)",
);
const SCAN = choice(
  SEVERITIES,
  "scan the image with grype or trivy; refuse it if a vulnerability has this severity or more",
);
const TRUST_KEY = text("FINGERPRINT", "trust this repository key on first use");
const TEST_FILES = {
  "structure-tests": list("FILE", "run a container-structure-test file besides the template's own"),
  checks: list("FILE", "run a check file besides the template's own checks.yaml"),
};

const DEPLOY_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  force: flag("start over: build and smoke-test again"),
  relock: flag("resolve all inputs again (changed inputs make the next revision)"),
  frozen: flag("resolve nothing: fail when a lock is missing, edited, or does not match"),
  "allow-skipped": flag("continue although a check could not run here"),
  "trust-key": TRUST_KEY,
  adopt: flag("deploy over a sandbox of the same name that this program did not make"),
  publish: choice(["deploy", "push"], "how the image gets to Blaxel", { default: "deploy" }),
  registry: text(
    "REGISTRY/PATH",
    "push the proven image there, and let Blaxel import it by its digest (default: [publish] registry in upstream.toml)",
  ),
  "sign-key": text(
    "FILE|env:NAME",
    "sign provenance and SBOM of the published image with this private key (Ed25519 or ECDSA P-256, PKCS#8)",
  ),
  sign: choice(["cosign"], "sign them with cosign and the pipeline's identity, without a key"),
  "deploy-timeout": text("TIME", "time limit for a deployment, until the image is seen running", {
    default: "15m",
  }),
  builder: BUILDER,
  ...TEST_FILES,
  scan: SCAN,
};

export const RELEASE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  deploy: flag("stop after smoke; deploy nothing", { default: true }),
  verify: flag("do not test again in a sandbox made from the deployed image", { default: true }),
  refresh: flag(
    "build again with today's packages; the next revision is made only if files or packages have changed",
  ),
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
};

export const RELEASE: CommandGroup = {
  title: "Release",
  commands: [
    {
      usage: "release <mesa-version>",
      describe: "lock, render, build, smoke-test, deploy, verify and record a Mesa version",
      details:
        "A run that was stopped resumes after its last finished stage. When everything is up to date, it does nothing.",
      options: RELEASE_OPTIONS,
      common: RELEASE_COMMON,
      examples: [
        "release 0.26.0",
        "release 0.26.0 --template debian --no-deploy",
        "release 0.26.0 --dry-run",
        "release 0.26.0 --refresh",
        "release 0.26.0 --json --events events.ndjson > result.json",
      ],
      exits: RELEASE_EXITS,
      load: async () => (await import("../handlers/release")).releaseCommand,
    },
    {
      usage: "lock [mesa-version]",
      describe: "resolve all inputs of a Mesa version and write them to lock.json",
      options: {
        relock: flag("resolve again even if there is a lock"),
        check: flag(
          "resolve nothing: fail (exit 2) when a lock is missing, was edited, or does not match template.toml and upstream.toml; without MESA-VERSION check every lock",
          { alias: "frozen" },
        ),
        "trust-key": text(
          "FINGERPRINT",
          "trust this repository key on first use; it is then pinned in upstream.toml",
        ),
      },
      common: ["template", "upstream", "dry-run"],
      examples: ["lock 0.26.0", "lock --check"],
      exits: { 4: "an input does not verify or does not exist" },
      load: async () => (await import("../handlers/lock")).lockCommand,
    },
    {
      usage: "render [mesa-version]",
      describe: "write the project folders from their locks",
      options: {
        check: flag(
          "write nothing: fail when a folder differs from what its lock renders; without MESA-VERSION check every folder",
        ),
      },
      common: ["template", "dry-run"],
      examples: ["render 0.26.0", "render --check"],
      exits: { 9: "--check: a folder differs" },
      load: async () => (await import("../handlers/lock")).renderCommand,
    },
    {
      usage: "build <mesa-version>",
      describe: "lock, render and build the images",
      options: {
        force: flag("build again, without cache"),
        relock: flag("resolve all inputs again"),
        "trust-key": TRUST_KEY,
        scan: SCAN,
        builder: BUILDER,
      },
      common: ["template", "upstream", "concurrency"],
      refusesDryRun: true,
      examples: ["build 0.26.0 --template debian"],
      exits: {
        3: "no Docker engine is reachable",
        4: "an input does not verify or does not exist",
        5: "the build failed",
      },
      load: async () => (await import("../handlers/stages")).buildCommand,
    },
    {
      usage: "smoke [ref]",
      describe: "run the checks of a version in local containers, or test files against any local image",
      options: {
        "allow-skipped": flag("do not fail for a check that could not run here"),
        image: list("IMAGE", "a local image instead of a version; with --structure-tests or --checks"),
        ...TEST_FILES,
        junit: text("FILE", "write the results to this file as JUnit XML"),
      },
      common: ["template", "upstream", "concurrency"],
      refusesDryRun: true,
      examples: ["smoke 0.26.0", "smoke --image our/app:latest --checks checks.yaml --junit smoke.xml"],
      exits: { 3: "no Docker engine is reachable", 6: "a check failed, or could not run" },
      load: async () => (await import("../handlers/stages")).smokeCommand,
    },
    {
      usage: "deploy <mesa-version>",
      describe: "deploy proven images to Blaxel: a release without its verification",
      options: DEPLOY_OPTIONS,
      common: RELEASE_COMMON,
      examples: ["deploy 0.26.0 --workspace prod"],
      exits: RELEASE_EXITS,
      load: async () => (await import("../handlers/release")).deployCommand,
    },
    {
      usage: "verify <ref>",
      describe: "run the checks again in a sandbox made from the deployed image",
      options: {
        "allow-skipped": flag("continue although a check could not run there"),
        attestations: flag(
          "check the signatures of provenance and SBOM in the registry instead; no sandbox is made",
        ),
        key: text("FILE|env:NAME", "the public key that --attestations checks with"),
        checks: TEST_FILES.checks,
      },
      common: ["template", "workspace"],
      refusesDryRun: true,
      examples: [
        "verify 0.26.0",
        "verify debian@0.26.0-1 --workspace prod",
        "verify stable --attestations --key sign.pub",
      ],
      exits: {
        3: "no credentials, or Blaxel or the registry is not reachable",
        7: "the verification failed, or an attestation is missing or not signed with the key",
      },
      load: async () => (await import("../handlers/verify")).run,
    },
  ],
};
