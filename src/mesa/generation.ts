import satisfies from "semver/functions/satisfies";
import { Failure } from "../support/errors";

/** How a generation of Mesa's CLI is given its credential, and where it shows a repository. */
export interface Generation {
  readonly name: "config-file" | "orgs" | "secret-store" | "env" | "access-token" | "layout";
  /** Versions of the CLI, as a semver range. */
  readonly range: string;
  /** Environment variables that carry the credential; their values are secrets. */
  readonly credentialVariables: readonly string[];
  /** key: an API key. token: a token made from one. */
  readonly credential: "key" | "token";
  /** Whether the credential is written to disk by the CLI (then the file must not outlive the mount). */
  readonly leavesCredentialOnDisk: boolean;
  readonly mount: readonly string[];
  /** What somebody who mounts has to do, for people. */
  readonly forPeople: string;
}

/**
 * The generations, told apart by version. From the examples and documentation that Mesa published over 2026: config.toml up
 * to 0.15, MESA_ORGS from 0.16, a secret store in the 0.26 to 0.35 documentation, MESA_ORG with MESA_API_KEY from 0.36, access
 * tokens from 0.43, layouts from 0.44.
 */
export const GENERATIONS: readonly Generation[] = [
  {
    name: "config-file",
    range: "<0.16.0-0",
    credentialVariables: [],
    credential: "key",
    leavesCredentialOnDisk: true,
    mount: ["mesa", "-c", "/run/mesa/config.toml", "mount", "--daemonize"],
    forPeople: "an API key in a config.toml, mounted with mesa -c FILE mount --daemonize",
  },
  {
    name: "orgs",
    range: ">=0.16.0-0 <0.26.0-0",
    credentialVariables: ["MESA_ORGS"],
    credential: "key",
    leavesCredentialOnDisk: true,
    mount: ["mesa", "mount", "-d", "-y"],
    forPeople: "MESA_ORGS=org:key mesa mount -d -y (the key is written to ~/.config/mesa/config.toml)",
  },
  {
    name: "secret-store",
    range: ">=0.26.0-0 <0.36.0-0",
    credentialVariables: ["MESA_ORGS", "MESA_VAULT_PASSPHRASE"],
    credential: "key",
    leavesCredentialOnDisk: true,
    mount: ["mesa", "mount", "--daemonize", "-y"],
    forPeople:
      "MESA_ORGS=org:key and MESA_VAULT_PASSPHRASE for the encrypted secret store, mesa mount --daemonize",
  },
  {
    name: "env",
    range: ">=0.36.0-0 <0.43.0-0",
    credentialVariables: ["MESA_API_KEY"],
    credential: "key",
    leavesCredentialOnDisk: false,
    mount: ["mesa", "mount", "-d", "-y"],
    forPeople: "MESA_ORG and MESA_API_KEY in the environment, mesa mount -d -y (nothing is written to disk)",
  },
  {
    name: "access-token",
    range: ">=0.43.0-0 <0.44.0-0",
    credentialVariables: ["MESA_ACCESS_TOKEN"],
    credential: "token",
    leavesCredentialOnDisk: false,
    mount: ["mesa", "mount", "-d"],
    forPeople: "MESA_ACCESS_TOKEN in the environment, mesa mount -d",
  },
  {
    name: "layout",
    range: ">=0.44.0-0",
    credentialVariables: ["MESA_ACCESS_TOKEN"],
    credential: "token",
    leavesCredentialOnDisk: false,
    mount: ["mesa", "mount", "-d"],
    forPeople:
      "MESA_ACCESS_TOKEN in the environment, mesa mount -d, or mesa mount -d --layout FILE for paths of one's own choice",
  },
];

/** The generation of a CLI version (strict semver). @throws Failure UNKNOWN_GENERATION (a fault of ours: the ranges cover all) */
export function generationOf(version: string): Generation {
  const found = GENERATIONS.find((generation) =>
    satisfies(version, generation.range, { includePrerelease: true }),
  );
  if (found !== undefined) return found;
  throw new Failure({
    code: "UNKNOWN_GENERATION",
    kind: "internal",
    message: `No CLI generation is known for Mesa ${version}.`,
  });
}
