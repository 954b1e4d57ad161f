import type { MesaApi, MesaRepo } from "../mesa/api";
import { Failure } from "../support/errors";

/** Names without the organization, which must be one. @throws Failure REPO_NAME (exit 2) */
export function splitRepos(repos: readonly string[]): {
  readonly org: string;
  readonly names: readonly string[];
} {
  const parts = repos.map((repo) => /^([A-Za-z0-9_-]+)\/([A-Za-z0-9._-]+)$/u.exec(repo));
  const bad = repos.find((_, index) => parts[index] == null);
  if (bad !== undefined || repos.length === 0)
    throw new Failure({
      code: "REPO_NAME",
      kind: "usage",
      message: bad === undefined ? "No repository was given." : `"${bad}" is not a repository.`,
      hint: "Write --repo ORG/REPO.",
    });
  const orgs = [...new Set(parts.map((part) => part?.[1] ?? ""))];
  if (orgs.length > 1)
    throw new Failure({
      code: "REPO_NAME",
      kind: "usage",
      message: `The repositories belong to several organizations: ${orgs.join(", ")}.`,
      hint: "One credential is for one organization; use one sandbox for each.",
    });
  return { org: orgs[0] ?? "", names: parts.map((part) => part?.[2] ?? "") };
}

/** The repositories, which a credential is limited to; made when `create` says so. @throws Failure MESA_NOT_FOUND (exit 3) */
export async function findRepos(
  api: MesaApi,
  org: string,
  names: readonly string[],
  create: boolean,
): Promise<readonly MesaRepo[]> {
  return Promise.all(
    names.map(async (name) => {
      const found = await api.getRepo(name);
      if (found !== undefined) return found;
      if (create) return api.createRepo(name);
      throw new Failure({
        code: "MESA_NOT_FOUND",
        kind: "environment",
        message: `There is no repository ${org}/${name} (or the credential may not see it).`,
        hint: "Check the name, or create it with --create-repo.",
      });
    }),
  );
}
