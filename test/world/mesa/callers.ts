import type { FaultBoard } from "../faults";
import { Refusal } from "./refusal";
import type { MesaState, Scope, StoredKey, StoredRepo } from "./state";
import { identityOfToken } from "./tokens";

/** Who asks, and what that credential is for. */
export interface Caller {
  readonly scopes: readonly string[];
  readonly allows: (repo: StoredRepo) => boolean;
  /** The key that was sent, or that the sent token was made from; none for tokens from a private key. */
  readonly key: StoredKey | undefined;
}

const RANK: Readonly<Record<Scope, number>> = { read: 1, write: 2, admin: 3 };

/** Scopes are a ladder: write holds read, admin holds both. 0: none. */
function rankOf(scopes: readonly string[]): number {
  return Math.max(0, ...scopes.map((scope) => (scope in RANK ? RANK[scope as Scope] : 0)));
}

/** @throws Refusal 403 when the caller's scopes do not reach to `scope` */
export function need(caller: Caller, scope: Scope): void {
  if (rankOf(caller.scopes) < RANK[scope])
    throw new Refusal(403, "FORBIDDEN", `This credential lacks the scope "${scope}"`);
}

/** Whose credential it is: an API key, a token made from one, or a token from a private key. @throws Refusal 401 */
export function identify(faults: FaultBoard, state: MesaState, authorization: string | undefined): Caller {
  const credential = /^Bearer (.+)$/u.exec(authorization ?? "")?.[1] ?? "";
  const caller =
    faults.take("mesa-unauthorized") === undefined ? callerOf(state, credential, Date.now()) : undefined;
  if (caller === undefined) throw new Refusal(401, "UNAUTHORIZED", "Invalid or missing credentials");
  const isAdminKey = caller.key?.key === credential && caller.scopes.includes("admin");
  if (!isAdminKey && faults.take("mesa-key-ends") !== undefined)
    throw new Refusal(401, "UNAUTHORIZED", "Invalid or missing credentials");
  return !isAdminKey && faults.take("mesa-scope") !== undefined ? { ...caller, scopes: [] } : caller;
}

function callerOf(state: MesaState, credential: string, now: number): Caller | undefined {
  const live = state.keys.filter(
    (key) => key.revoked_at === null && (key.expires_at === null || Date.parse(key.expires_at) > now),
  );
  const mayUse = (key: StoredKey | undefined, repo: StoredRepo): boolean =>
    key === undefined || key.repo_ids === null || key.repo_ids.includes(repo.id);
  const key = live.find((stored) => stored.key === credential);
  if (key !== undefined) return { scopes: key.scopes, key, allows: (repo) => mayUse(key, repo) };
  const token = identityOfToken(credential, live, now);
  if (token === undefined) return undefined;
  const limit = token.key === undefined ? RANK.admin : rankOf(token.key.scopes);
  return {
    scopes: token.scopes.filter((scope) => rankOf([scope]) <= limit),
    key: token.key,
    allows: (repo) => (token.repos?.includes(`${repo.org}/${repo.name}`) ?? true) && mayUse(token.key, repo),
  };
}
