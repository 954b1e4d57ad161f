import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import type { MesaAccess } from "./access";
import { mesaApi, type MesaKey, type MesaRepo } from "./api";
import { generationOf } from "./generation";
import type { LayoutEntry } from "./mounts";
import { LONGEST_KEY_TOKEN_SECONDS, LONGEST_TOKEN_SECONDS, signToken, tokenFromKey } from "./token";

/** A short-lived credential for one sandbox. */
export interface SandboxCredential {
  /** The value for the CLI: an API key or a token. */
  readonly value: string;
  /** The API key to revoke. A token signed by a private key cannot be revoked; it expires. */
  readonly keyId: string | undefined;
  /** In ms since the epoch, like the end. */
  readonly startedAt: number;
  readonly endsAt: number;
}

export interface CredentialRequest {
  /** Mesa version in the sandbox; decides the credential's form. */
  readonly version: string;
  /** Name of an API key, to find it again. */
  readonly name: string;
  readonly repos: readonly GrantedRepo[];
  readonly seconds: number;
}

/** A repository and the right to it. Before 0.48 a token has one right for all. */
export type GrantedRepo = MesaRepo & Pick<LayoutEntry, "mode">;

/** Author of a sandbox's changes, where a token must name one. */
const AUTHORS = [{ name: "mesa-template", email: null }];
/** Longest validity of an API key, in seconds (its API's documentation). */
const LONGEST_KEY_SECONDS = 31_536_000;
/** Shortest validity of an API key, in seconds. */
const LEAST_SECONDS = 100;
/** A token with less validity left after the mount is useless, in seconds. */
const LEAST_TOKEN_SECONDS = 10;
/** Time limit for finding and revoking a key whose answer was lost, in ms. */
const LOST_KEY_LIMIT_MS = 20_000;

/** The longest validity of a sandbox's credential, in seconds. */
export function longestLife({ credential }: MesaAccess, version: string): number {
  if (credential.kind === "private-key") return LONGEST_TOKEN_SECONDS;
  return generationOf(version).inSandbox === "key" ? LONGEST_KEY_SECONDS : LONGEST_KEY_TOKEN_SECONDS;
}

/** Checks that Mesa issues a credential of that validity. @throws Failure TTL (exit 2) */
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

/** Issues the credential of one sandbox. @throws as MesaApi does; leaves no key behind, as long as Mesa responds */
export async function issueCredential(
  host: Host,
  access: MesaAccess,
  request: CredentialRequest,
): Promise<SandboxCredential> {
  const { inSandbox } = generationOf(request.version);
  const { credential, org } = access;
  const { repos, seconds } = request;
  const nowMs = host.clock.now();
  const scopes = repos.some(({ mode }) => mode === "rw") ? (["read", "write"] as const) : (["read"] as const);
  const claims = { scopes, repos: repos.map(({ name }) => `${org}/${name}`) };
  const issued = (value: string, keyId?: string): SandboxCredential => {
    host.redact.add(value);
    return { value, keyId, startedAt: nowMs, endsAt: nowMs + seconds * 1000 };
  };
  if (credential.kind === "private-key") {
    const forRepos = Object.fromEntries(
      repos.map(({ name, mode }) => [name, mode === "rw" ? "write-repo" : "read-repo"] as const),
    );
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

/** An API key. If its answer is lost, the key is found by its name and revoked. */
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
