import { randomBytes } from "node:crypto";

export const MESA_ORG = "acme";
export const MESA_ADMIN_KEY = "mesa_world_admin_key_0000000000";

/**
 * Organizations by name, with the private keys that Mesa knows of each. acme still has API keys beside them; orbit came to Mesa
 * when there were none any more.
 */
export const ORGANIZATIONS: Readonly<
  Record<string, { readonly privateKey: string; readonly apiKeys: boolean }>
> = {
  [MESA_ORG]: {
    privateKey: "mesa_private_key_acme_MC4CAQAwBQYDK2VwBCIEIE8c5LAWVZoMvv-aKIaSF-ofqJK31h_7bF0ZLR14VrUT",
    apiKeys: true,
  },
  orbit: {
    privateKey: "mesa_private_key_orbit_MC4CAQAwBQYDK2VwBCIEIFpYdkGwuxD4ZySh0cRGvv8wxUMhmoAK_xECJnatM2KN",
    apiKeys: false,
  },
};

export type Scope = "read" | "write" | "admin";

export const isScope = (value: unknown): value is Scope =>
  value === "read" || value === "write" || value === "admin";

export interface StoredKey {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly scopes: readonly string[];
  readonly repo_ids: readonly string[] | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly created_at: string;
  readonly expires_at: string | null;
  revoked_at: string | null;
}

export interface StoredRepo {
  readonly id: string;
  readonly org: string;
  readonly name: string;
  readonly created_at: string;
  readonly changes: Map<string, StoredChange>;
  /** name → change */
  readonly bookmarks: Map<string, string>;
}

/** path → contents */
export type Files = Map<string, Buffer>;

interface StoredChange {
  readonly parents: readonly string[];
  /** What was there when it began. */
  readonly base: Files;
  readonly files: Files;
}

/** The change before the first one: what the bookmark of an empty repository points at. */
export const VIRTUAL_ROOT = "z".repeat(32);
export const MAIN = "main";

/** A change on top of others, as it is then. @returns its id, in the letters that Jujutsu has for hexadecimal digits */
export function addChange({ changes }: StoredRepo, parents: readonly string[], files: Files): string {
  const digits = randomBytes(16).toString("hex");
  const id = digits.replace(/./gu, (digit) => "zyxwvutsrqponmlk"[parseInt(digit, 16)] ?? "");
  changes.set(id, { parents, base: new Map(files), files: new Map(files) });
  return id;
}

export function newRepo(org: string, name: string): StoredRepo {
  const created_at = new Date().toISOString();
  const bookmarks = new Map([[MAIN, VIRTUAL_ROOT]]);
  return { id: newId("repo"), org, name, created_at, changes: new Map(), bookmarks };
}

/** The files of a change; undefined: there is no such change. */
export function filesOf({ changes }: StoredRepo, id: string | undefined): Files | undefined {
  return id === VIRTUAL_ROOT ? new Map() : changes.get(id ?? "")?.files;
}

export interface MesaState {
  keys: StoredKey[];
  repos: StoredRepo[];
}

export const newId = (prefix: string): string => `${prefix}_${randomBytes(10).toString("hex")}`;

/** The admin key of the organization that has API keys, and a repository of it with a README. */
export function freshState(): MesaState {
  const created_at = new Date().toISOString();
  const demo = newRepo(MESA_ORG, "demo");
  demo.bookmarks.set(
    MAIN,
    addChange(demo, [VIRTUAL_ROOT], new Map([["README.md", Buffer.from("# demo\n")]])),
  );
  return {
    keys: [
      {
        id: "key_admin",
        name: "admin",
        key: MESA_ADMIN_KEY,
        scopes: ["admin"],
        repo_ids: null,
        tags: {},
        created_at,
        expires_at: null,
        revoked_at: null,
      },
    ],
    repos: [demo],
  };
}
