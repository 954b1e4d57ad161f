import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import type { MesaAccess } from "./access";
import { mesaApi, type MesaKey, type MesaRepo } from "./api";
import { generationOf } from "./generation";
import { LONGEST_KEY_TOKEN_SECONDS, LONGEST_TOKEN_SECONDS, signToken, tokenFromKey } from "./token";

/** A short-lived credential for one sandbox. */
export interface SandboxCredential {
  /** What the CLI is given: an API key, or a token. */
  readonly value: string;
  /** The API key to revoke. A token that a private key signed cannot be revoked: it ends by itself. */
  readonly keyId: string | undefined;
  /** In ms since the epoch, as the end is. */
  readonly startedAt: number;
  readonly endsAt: number;
}

export interface CredentialRequest {
  /** Mesa version in the sandbox: decides which form the credential has. */
  readonly version: string;
  /** The name by which an API key is found again. */
  readonly name: string;
  readonly repos: readonly MesaRepo[];
  readonly write: boolean;
  /** Names of those that are only read, although others are written. A token has rights of its own for each from 0.48 on. */
  readonly readOnly?: readonly string[];
  readonly seconds: number;
}

/** Who the changes of a sandbox are by, where a token has to say so. */
const AUTHORS = [{ name: "mesa-template", email: null }];
/** The longest life of an API key, in seconds (its API's documentation). */
const LONGEST_KEY_SECONDS = 31_536_000;
/** Mesa makes no API key with a shorter life, in seconds. */
const LEAST_SECONDS = 100;
/** What is left of a shorter token after the mount is no use, in seconds. */
const LEAST_TOKEN_SECONDS = 10;
/** How long it may take to find and revoke a key whose answer was lost, in ms. */
const LOST_KEY_LIMIT_MS = 20_000;

/** The longest life of a sandbox's credential, in seconds. */
export function longestLife({ credential }: MesaAccess, version: string): number {
  if (credential.kind === "private-key") return LONGEST_TOKEN_SECONDS;
  return generationOf(version).inSandbox === "key" ? LONGEST_KEY_SECONDS : LONGEST_KEY_TOKEN_SECONDS;
}

/** Checks that Mesa gives out a credential of that length. @throws Failure TTL (exit 2) */
export function checkTtl(access: MesaAccess, version: string, seconds: number): void {
  const most = longestLife(access, version);
  const least = access.credential.kind === "api-key" ? LEAST_SECONDS : LEAST_TOKEN_SECONDS;
  if (seconds >= least && seconds <= most) return;
  throw new Failure({
    code: "TTL",
    kind: "usage",
    message: `Mesa issues no credential for ${String(seconds)} s: for Mesa ${version}, one made with ${access.credential.kind === "api-key" ? "an API key" : "a private key"} is valid for ${String(least)} s to ${String(most)} s.`,
    hint: `Give --ttl between ${String(least)}s and ${String(most / 3600)}h.`,
  });
}

/** Makes the credential of one sandbox. @throws as MesaApi does; no key is left behind then, as far as Mesa can still be asked */
export async function issueCredential(
  host: Host,
  access: MesaAccess,
  request: CredentialRequest,
): Promise<SandboxCredential> {
  const { inSandbox } = generationOf(request.version);
  const { credential, org } = access;
  const { repos, write, seconds } = request;
  const nowMs = host.clock.now();
  const scopes = write ? (["read", "write"] as const) : (["read"] as const);
  const claims = { scopes, repos: repos.map(({ name }) => `${org}/${name}`) };
  const rightOn = (name: string): "read-repo" | "write-repo" =>
    write && request.readOnly?.includes(name) !== true ? "write-repo" : "read-repo";
  const issued = (value: string, keyId?: string): SandboxCredential => {
    host.redact.add(value);
    return { value, keyId, startedAt: nowMs, endsAt: nowMs + seconds * 1000 };
  };
  if (credential.kind === "private-key") {
    const forRepos = Object.fromEntries(repos.map(({ name }) => [name, rightOn(name)] as const));
    return issued(
      signToken(
        credential.privateKey,
        inSandbox === "access-token"
          ? { authors: AUTHORS, access: forRepos }
          : { authors: AUTHORS, ...claims },
        { seconds, nowMs },
      ),
    );
  }
  const key = await keyOrNone(host, access, request, scopes);
  return issued(inSandbox === "key" ? key.key : tokenFromKey(key, claims, { seconds, nowMs }), key.id);
}

/** An API key; one that was made although its answer got lost is revoked by its name. */
async function keyOrNone(
  host: Host,
  access: MesaAccess,
  { name, repos, seconds }: CredentialRequest,
  scopes: readonly ("read" | "write")[],
): Promise<MesaKey> {
  try {
    return await mesaApi(host, access).createKey({
      name,
      scopes,
      seconds,
      repoIds: repos.map(({ id }) => id),
    });
  } catch (error) {
    const api = mesaApi({ ...host, signal: AbortSignal.timeout(LOST_KEY_LIMIT_MS) }, access);
    const answered =
      error instanceof Failure && error.code !== "MESA_UNREACHABLE" && error.code !== "MESA_ANSWER";
    const lost = answered ? [] : await api.listKeys().catch(() => []);
    for (const key of lost)
      if (key.name === name && !key.revoked) await api.revokeKey(key.id).catch(() => undefined);
    throw error;
  }
}
