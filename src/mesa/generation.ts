import satisfies from "semver/functions/satisfies";
import { Failure } from "../support/errors";

/** The credential for Mesa: MESA_API_KEY or MESA_PRIVATE_KEY. */
export type CredentialKind = "api-key" | "private-key";

/** How a generation of Mesa's CLI receives its credential, and where it shows a repository. */
export interface Generation {
  readonly name: "config-file" | "orgs" | "secret-store" | "env" | "access-token" | "layout" | "private-key";
  /** Versions of the CLI, as a semver range. */
  readonly range: string;
  /** Accepted credentials, the preferred one first: an API key can be revoked, a token from a private key only expires. */
  readonly credentials: readonly CredentialKind[];
  /** The credential in a sandbox: its own API key; a token with the claims scopes and repos; one with the claim access. */
  readonly inSandbox: "key" | "scopes-token" | "access-token";
  /** Whether the CLI writes the credential to disk (the file must not outlive the mount). */
  readonly leavesCredentialOnDisk: boolean;
  /** Whether `mesa mount` takes a layout file: never, only if requested, always. */
  readonly layout: "never" | "on-request" | "always";
  /** How to mount, for people. */
  readonly forPeople: string;
}

/** A sandbox's own API key, which the CLI writes to disk. */
const OWN_KEY = {
  credentials: ["api-key"],
  inSandbox: "key",
  leavesCredentialOnDisk: true,
  layout: "never",
} as const;

/**
 * The generations by version. From the examples, documentation and packages that Mesa published over 2026: config.toml up to 0.15,
 * MESA_ORGS from 0.16, a secret store in the 0.26 to 0.35 documentation, MESA_ORG with MESA_API_KEY from 0.36, access tokens from 0.43
 * (with private keys), layouts from 0.44, no API keys from 0.48.
 */
export const GENERATIONS: readonly Generation[] = [
  {
    name: "config-file",
    range: "<0.16.0-0",
    ...OWN_KEY,
    forPeople: "an API key in a config.toml, mounted with mesa -c FILE mount --daemonize",
  },
  {
    name: "orgs",
    range: ">=0.16.0-0 <0.26.0-0",
    ...OWN_KEY,
    forPeople: "MESA_ORGS=org:key mesa mount -d -y (the key is written to ~/.config/mesa/config.toml)",
  },
  {
    name: "secret-store",
    range: ">=0.26.0-0 <0.36.0-0",
    ...OWN_KEY,
    forPeople:
      "MESA_ORGS=org:key and MESA_VAULT_PASSPHRASE for the encrypted secret store, mesa mount --daemonize",
  },
  {
    name: "env",
    range: ">=0.36.0-0 <0.43.0-0",
    ...OWN_KEY,
    leavesCredentialOnDisk: false,
    forPeople: "MESA_ORG and MESA_API_KEY in the environment, mesa mount -d -y (nothing is written to disk)",
  },
  {
    name: "access-token",
    range: ">=0.43.0-0 <0.44.0-0",
    credentials: ["api-key", "private-key"],
    inSandbox: "scopes-token",
    leavesCredentialOnDisk: false,
    layout: "never",
    forPeople: "MESA_ACCESS_TOKEN in the environment, mesa mount -d",
  },
  {
    name: "layout",
    range: ">=0.44.0-0 <0.48.0-0",
    credentials: ["api-key", "private-key"],
    inSandbox: "scopes-token",
    leavesCredentialOnDisk: false,
    layout: "on-request",
    forPeople:
      "MESA_ACCESS_TOKEN in the environment, mesa mount -d, or mesa mount -d --layout FILE for paths of your choice",
  },
  {
    name: "private-key",
    range: ">=0.48.0-0",
    credentials: ["private-key"],
    inSandbox: "access-token",
    leavesCredentialOnDisk: false,
    layout: "always",
    forPeople:
      "MESA_ACCESS_TOKEN in the environment, signed with a private key (no API keys; at most 4 h), mesa mount -d --layout FILE",
  },
];

/** The generation of a CLI version (strict semver). @throws Failure UNKNOWN_GENERATION (exit 2) for another text */
export function generationOf(version: string): Generation {
  const found = GENERATIONS.find((generation) =>
    satisfies(version, generation.range, { includePrerelease: true }),
  );
  if (found !== undefined) return found;
  throw new Failure({
    code: "UNKNOWN_GENERATION",
    kind: "usage",
    message: `No CLI generation is known for Mesa ${version}.`,
    hint: "A version is three numbers with dots, like 0.46.0.",
  });
}
