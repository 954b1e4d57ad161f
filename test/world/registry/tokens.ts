const SERVICE = "world-registry";
const PREFIX = "world-";

/** The repository that a path of the registry's API is about. */
export function repositoryIn(path: string): string | undefined {
  return /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//u.exec(path)?.[1];
}

/** Where to get a token for a repository, or for asking whether this is a registry at all. */
export function challengeFor(origin: string, repository: string | undefined): string {
  const scope = repository === undefined ? "" : `,scope="repository:${repository}:pull"`;
  return `Bearer realm="${origin}/token",service="${SERVICE}"${scope}`;
}

/** What the token service answers: a token that is good for these scopes and no others, as Docker Hub's and ghcr.io's are. */
export function tokenFor(scopes: readonly string[]): Record<string, unknown> {
  const list = scopes.flatMap((scope) => scope.split(" ")).filter((scope) => scope !== "");
  const token = PREFIX + Buffer.from(JSON.stringify(list)).toString("base64url");
  return { token, access_token: token, expires_in: 300, issued_at: new Date().toISOString() };
}

/** Whether an Authorization header carries one of our tokens, for this repository where one is asked for. */
export function mayPull(authorization: string | undefined, repository: string | undefined): boolean {
  const token = /^Bearer (.+)$/u.exec(authorization ?? "")?.[1];
  if (token?.startsWith(PREFIX) !== true) return false;
  if (repository === undefined) return true;
  try {
    const scopes = JSON.parse(
      Buffer.from(token.slice(PREFIX.length), "base64url").toString("utf8"),
    ) as string[];
    return scopes.some((scope) => {
      const [kind, name, actions] = scope.split(":");
      return kind === "repository" && name === repository && actions?.split(",").includes("pull") === true;
    });
  } catch {
    return false;
  }
}
