import { requireMesaAccess } from "../mesa/access";
import { mesaApi, type MesaApi } from "../mesa/api";
import type { GrantedRepo } from "../mesa/credential";
import { parseRepo, type RepoMount } from "../mesa/mounts";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";

/** The repositories that the credential is limited to; creates them if `create` is set. @throws Failure MESA_NOT_FOUND (exit 3) */
export async function findRepos(
  api: MesaApi,
  org: string,
  mounts: readonly RepoMount[],
  create: boolean,
): Promise<readonly GrantedRepo[]> {
  return Promise.all(
    mounts.map(async ({ entry: { name, mode } }) => {
      const found = (await api.getRepo(name)) ?? (create ? await api.createRepo(name) : undefined);
      if (found !== undefined) return { ...found, mode };
      throw notFound(
        `There is no repository ${org}/${name} (or the credential may not see it).`,
        "Check the name, or create it with --create-repo.",
      );
    }),
  );
}

function notFound(message: string, hint: string): Failure {
  return new Failure({ code: "MESA_NOT_FOUND", kind: "environment", message, hint });
}

/** A bookmark created for a session. */
export interface Branch {
  /** "org/repo" */
  readonly repo: string;
  readonly bookmark: string;
  /** Its merge target: the bookmark it was created from, or main if it was created from a change. */
  readonly into: string;
}

/**
 * Creates the changes and bookmarks that `branchedFrom` requests. First checks that every named bookmark exists.
 * @param unnamed the bookmark for a branch without a name
 * @param made called with each bookmark as soon as it exists
 * @returns the mounts with `at` instead, so that a remount shows the same
 * @throws Failure MESA_NOT_FOUND (exit 3), BRANCH_EXISTS (exit 2)
 */
export async function makeBranches(
  api: MesaApi,
  org: string,
  mounts: readonly RepoMount[],
  unnamed: string,
  made: (branch: Branch) => void,
): Promise<readonly RepoMount[]> {
  const based = await Promise.all(
    mounts.map(async (mount) => {
      const { name, at, branchedFrom } = mount.entry;
      const from = branchedFrom ?? at;
      const base =
        from === undefined || "changeId" in from ? from?.changeId : await api.changeOf(name, from.bookmark);
      if (from !== undefined && base === undefined)
        throw notFound(
          `There is no bookmark ${"bookmark" in from ? from.bookmark : ""} in ${org}/${name}.`,
          "Check the name; --from names the bookmark to create the branch from (default: main).",
        );
      const { bookmark = unnamed } = branchedFrom?.as ?? {};
      if (branchedFrom !== undefined && (await api.changeOf(name, bookmark)) !== undefined)
        throw new Failure({
          code: "BRANCH_EXISTS",
          kind: "usage",
          message: `The bookmark ${bookmark} exists already in ${org}/${name}.`,
          hint: `Choose another name, or continue it with --mount ${name}:rw@${bookmark}.`,
        });
      return { mount, base };
    }),
  );
  const placed: RepoMount[] = [];
  for (const { mount, base = "" } of based) {
    const { branchedFrom, ...entry } = mount.entry;
    if (branchedFrom === undefined) {
      placed.push(mount);
      continue;
    }
    const { bookmark = unnamed, describe = "" } = branchedFrom.as ?? {};
    await api.createBookmark(entry.name, bookmark, await api.createChange(entry.name, base, describe));
    const into = "bookmark" in branchedFrom ? branchedFrom.bookmark : "main";
    made({ repo: `${org}/${entry.name}`, bookmark, into });
    placed.push({ ...mount, entry: { ...entry, at: { bookmark } } });
  }
  return placed;
}

/** Merges a branch into another bookmark. @returns whether there was anything to merge @throws see requireMesaAccess and MesaApi; REPO_NAME (exit 2) */
export async function mergeBranch(
  host: Host,
  { repo, ...request }: { readonly repo: string } & Parameters<MesaApi["merge"]>[1],
): Promise<boolean> {
  const { org, entry } = parseRepo(repo, true);
  return mesaApi(host, requireMesaAccess(host.env, undefined, org)).merge(entry.name, request);
}
