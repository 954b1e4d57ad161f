import type { CommandSpec } from "../command";
import {
  BUILDER_OPTION,
  CHECKS_OPTION,
  DEPLOY_OPTIONS,
  RELEASE_COMMON,
  RELEASE_EXITS,
  SCAN_OPTION,
} from "./release";

export const lockCommand: CommandSpec = {
  usage: "lock [mesa-version]",
  describe: "resolve all inputs of a Mesa version and write them to lock.json",
  options: {
    relock: { type: "boolean", describe: "resolve again even if there is a lock" },
    check: {
      type: "boolean",
      alias: "frozen",
      describe:
        "resolve nothing: fail when a lock is missing, was edited, or does not match template.toml and upstream.toml; without MESA-VERSION check every lock",
    },
    "trust-key": {
      type: "string",
      value: "FINGERPRINT",
      describe: "trust this repository key on first use; it is then pinned in upstream.toml",
    },
  },
  common: ["template", "upstream", "dry-run"],
  changes: true,
  examples: ["lock 0.26.0", "lock --check"],
  exits: { 4: "an input does not verify or does not exist" },
  load: () => import("../handlers/lock"),
};
export const renderCommand: CommandSpec = {
  usage: "render [mesa-version]",
  describe: "write the project folders from their locks",
  options: {
    check: {
      type: "boolean",
      describe:
        "write nothing: fail when a folder differs from what its lock renders; without MESA-VERSION check every folder",
    },
  },
  common: ["template", "dry-run"],
  changes: true,
  examples: ["render 0.26.0", "render --check"],
  exits: { 9: "--check: a folder differs" },
  load: () => import("../handlers/render"),
};
export const buildCommand: CommandSpec = {
  usage: "build <mesa-version>",
  describe: "lock, render and build the images",
  options: {
    force: { type: "boolean", describe: "build again, without cache" },
    relock: { type: "boolean", describe: "resolve all inputs again" },
    "trust-key": {
      type: "string",
      value: "FINGERPRINT",
      describe: "trust this repository key on first use",
    },
    ...SCAN_OPTION,
    ...BUILDER_OPTION,
  },
  common: ["template", "upstream", "concurrency"],
  changes: true,
  examples: ["build 0.26.0 --template debian"],
  exits: {
    3: "no Docker engine is reachable",
    4: "an input does not verify or does not exist",
    5: "the build failed",
  },
  load: () => import("../handlers/build"),
};
export const deployCommand: CommandSpec = {
  usage: "deploy <mesa-version>",
  describe: "deploy proven images to Blaxel: a release without its verification",
  options: DEPLOY_OPTIONS,
  common: RELEASE_COMMON,
  changes: true,
  examples: ["deploy 0.26.0 --workspace prod"],
  exits: RELEASE_EXITS,
  load: () => import("../handlers/deploy"),
};
export const verifyCommand: CommandSpec = {
  usage: "verify <ref>",
  describe: "run the checks again in a sandbox made from the deployed image",
  options: {
    "allow-skipped": { type: "boolean", describe: "continue although a check could not run there" },
    attestations: {
      type: "boolean",
      describe: "check the signatures of provenance and SBOM in the registry instead; no sandbox is made",
    },
    key: {
      type: "string",
      value: "FILE|env:NAME",
      describe: "the public key that --attestations checks with",
    },
    ...CHECKS_OPTION,
  },
  common: ["template", "workspace"],
  changes: true,
  examples: [
    "verify 0.26.0",
    "verify debian@0.26.0-1 --workspace prod",
    "verify stable --attestations --key sign.pub",
  ],
  exits: {
    3: "no credentials, or Blaxel or the registry is not reachable",
    7: "the verification failed, or an attestation is missing or not signed with the key",
  },
  load: () => import("../handlers/verify"),
};
export const smokeCommand: CommandSpec = {
  usage: "smoke [ref]",
  describe: "run the checks of a version in local containers, or test files against any local image",
  options: {
    "allow-skipped": { type: "boolean", describe: "do not fail for a check that could not run here" },
    image: {
      type: "string",
      array: true,
      value: "IMAGE",
      describe: "a local image instead of a version; with --structure-tests or --checks",
    },
    "structure-tests": {
      type: "string",
      array: true,
      value: "FILE",
      describe: "run a container-structure-test file besides the template's own",
    },
    ...CHECKS_OPTION,
    junit: { type: "string", value: "FILE", describe: "write the results to this file as JUnit XML" },
  },
  common: ["template", "upstream", "concurrency"],
  changes: true,
  examples: ["smoke 0.26.0", "smoke --image our/app:latest --checks checks.yaml --junit smoke.xml"],
  exits: { 3: "no Docker engine is reachable", 6: "a check failed, or could not run" },
  load: () => import("../handlers/smoke"),
};
