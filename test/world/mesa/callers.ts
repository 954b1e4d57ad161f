import semver from "semver";
import type { FaultBoard } from "../faults";
import { Refusal } from "./refusal";
import { MESA_ORG, type MesaState, type Scope, type StoredKey, type StoredRepo } from "./state";
import { identityOfToken, type TokenIdentity } from "./tokens";

/** Who asks, and what that credential is for. */
export interface Caller {
  readonly org: string;
  readonly scopes: readonly string[];
  readonly allows: (repo: StoredRepo) => boolean;
  /** The scopes for one repository, where a credential has other ones for each. */
  readonly scopesOn?: (repo: StoredRepo) => readonly string[];
  /** The key that was sent, or that the sent token was made from; none for tokens from a private key. */
  readonly key: StoredKey | undefined;
  /** Whether it may be used for a mount: a token from a private key has to name the authors of what it writes. */
  readonly mounts: boolean;
  /** Those that a token names, each {name, email}. */
  readonly authors?: readonly unknown[] | undefined;
}

const RANK: Readonly<Record<Scope, number>> = { read: 1, write: 2, admin: 3 };

/** Scopes are a ladder: write holds read, admin holds both. 0: none. */
function rankOf(scopes: readonly string[]): number {
  return Math.max(0, ...scopes.map((scope) => (scope in RANK ? RANK[scope as Scope] : 0)));
}

/** @throws Refusal 403 when the caller's scopes (for the repository, when one is meant) do not reach to `scope` */
export function need(caller: Caller, scope: Scope, repo?: StoredRepo): void {
  const scopes = repo === undefined ? caller.scopes : (caller.scopesOn?.(repo) ?? caller.scopes);
  if (rankOf(scopes) < RANK[scope])
    throw new Refusal(403, "FORBIDDEN", `This credential lacks the scope "${scope}"`);
}

const invalid = (): Refusal => new Refusal(401, "UNAUTHORIZED", "Invalid or missing credentials");

/** Whose credential it is: an API key, a token made from one, or a token from a private key. @throws Refusal 401 */
export function identify(
  faults: FaultBoard,
  state: MesaState,
  headers: { readonly authorization?: string | undefined; readonly "user-agent"?: string | undefined },
): Caller {
  const credential = /^Bearer (.+)$/u.exec(headers.authorization ?? "")?.[1] ?? "";
  const version = /^mesa\/(\S+)/u.exec(headers["user-agent"] ?? "")?.[1];
  const caller =
    faults.take("mesa-unauthorized") === undefined
      ? callerOf(state, credential, Date.now(), version)
      : undefined;
  if (caller === undefined) throw invalid();
  const isAdmin =
    caller.scopes.includes("admin") && (caller.key === undefined || caller.key.key === credential);
  if (!isAdmin && faults.take("mesa-key-ends") !== undefined) throw invalid();
  return !isAdmin && faults.take("mesa-scope") !== undefined
    ? { ...caller, scopes: [], scopesOn: () => [] }
    : caller;
}

/** Whether a version of the CLI comes with this claim: scopes up to 0.47, access from 0.48 on, and never with admin rights. */
function fits(version: string, { claim }: TokenIdentity): boolean {
  return claim === (semver.gte(version, "0.48.0-0") ? "access" : "scopes");
}

/** @param version of the CLI, when it is the CLI that asks */
function callerOf(
  state: MesaState,
  credential: string,
  now: number,
  version: string | undefined,
): Caller | undefined {
  const live = state.keys.filter(
    (key) => key.revoked_at === null && (key.expires_at === null || Date.parse(key.expires_at) > now),
  );
  const mayUse = (key: StoredKey | undefined, repo: StoredRepo): boolean =>
    key === undefined || key.repo_ids === null || key.repo_ids.includes(repo.id);
  const key = live.find((stored) => stored.key === credential);
  if (key !== undefined) {
    if (version !== undefined && semver.gte(version, "0.48.0-0")) return undefined;
    return { org: MESA_ORG, scopes: key.scopes, key, mounts: true, allows: (repo) => mayUse(key, repo) };
  }
  const token = identityOfToken(credential, live, now);
  if (token === undefined || (version !== undefined && !fits(version, token))) return undefined;
  const { access, authors } = token;
  const limit = token.key === undefined ? RANK.admin : rankOf(token.key.scopes);
  return {
    org: token.org ?? MESA_ORG,
    scopes: token.scopes.filter((scope) => rankOf([scope]) <= limit),
    key: token.key,
    mounts: token.key !== undefined || authors !== undefined,
    authors,
    allows: (repo) =>
      (token.repos?.includes(`${repo.org}/${repo.name}`) ?? true) &&
      (access === undefined || Object.hasOwn(access, repo.name.toLowerCase())) &&
      mayUse(token.key, repo),
    ...(access === undefined
      ? {}
      : { scopesOn: ({ name }) => (access[name.toLowerCase()] === "write-repo" ? ["write"] : ["read"]) }),
  };
}
