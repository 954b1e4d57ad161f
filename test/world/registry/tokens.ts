const SERVICE = "world-registry";
const PREFIX = "world-";

/** The login that may push, and pull what is private. */
export const REGISTRY_LOGIN = { username: "world", password: "world-registry-password-0000" } as const;

/** What that login exchanged its password for, as `docker login` does where a token service offers it: good for tokens, and at /token alone. */
export const IDENTITY_TOKEN = "world-identity-token-0000";

/** Somebody whom the registry knows, and who may do nothing more than everybody else. */
export const GUEST_LOGIN = { username: "guest", password: "guest-registry-password-0000" } as const;

export type Action = "pull" | "push";

/** Who asks; "unknown": with a user name or a password that is wrong. */
export type User = "world" | "guest" | "anonymous" | "unknown";

/** The repository that a path of the registry's API is about. */
export function repositoryIn(path: string): string | undefined {
  return /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//u.exec(path)?.[1];
}

/** Whether a repository is somebody else's, as Docker Hub's and GitHub's are. */
export function isForeign(repository: string): boolean {
  return /^(?:docker\.io|ghcr\.io)\//u.test(repository);
}

/** What somebody may do with a repository. What stands below private/ shows itself to nobody else. */
export function mayDo(user: User, repository: string): readonly Action[] {
  if (user === "unknown") return [];
  const owner = user === "world" && !isForeign(repository);
  if (repository.startsWith("private/")) return owner ? ["pull", "push"] : [];
  return owner ? ["pull", "push"] : ["pull"];
}

/** Who an Authorization header of the scheme Basic says that asks. */
export function userOf(authorization: string | undefined): User {
  const encoded = /^Basic (.+)$/u.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return "anonymous";
  const said = Buffer.from(encoded, "base64").toString("utf8");
  const known = [REGISTRY_LOGIN, GUEST_LOGIN].find(
    ({ username, password }) => said === `${username}:${password}`,
  );
  return known?.username ?? "unknown";
}

/** Who asks the token service with a form (distribution spec: OAuth2, a refresh token). */
export function userOfForm(form: URLSearchParams): User {
  const known = form.get("grant_type") === "refresh_token" && form.get("refresh_token") === IDENTITY_TOKEN;
  return known && form.get("service") === SERVICE && form.has("client_id") ? "world" : "unknown";
}

/** Where to get a token for a repository, or for asking whether this is a registry at all. */
export function challengeFor(origin: string, repository: string | undefined, actions: Action): string {
  const wanted = actions === "push" ? "pull,push" : "pull";
  const scope = repository === undefined ? "" : `,scope="repository:${repository}:${wanted}"`;
  return `Bearer realm="${origin}/token",service="${SERVICE}"${scope}`;
}

/**
 * What the token service answers: a token that is good for what of these scopes the user may do and for nothing else, as
 * Docker Hub's and ghcr.io's are.
 */
export function tokenFor(scopes: readonly string[], user: User): Record<string, unknown> {
  const granted = scopes
    .flatMap((scope) => scope.split(" "))
    .flatMap((scope) => {
      const [kind, name = "", actions = ""] = scope.split(":");
      const allowed = actions.split(",").filter((action) => mayDo(user, name).includes(action as Action));
      return kind === "repository" && allowed.length > 0 ? [`repository:${name}:${allowed.join(",")}`] : [];
    });
  const token = PREFIX + Buffer.from(JSON.stringify(granted)).toString("base64url");
  return { token, access_token: token, expires_in: 300, issued_at: new Date().toISOString() };
}

/** Whether an Authorization header carries one of our tokens, for this repository where one is asked for. */
export function tokenAllows(
  authorization: string | undefined,
  repository: string | undefined,
  action: Action,
): boolean {
  const token = /^Bearer (.+)$/u.exec(authorization ?? "")?.[1];
  if (token?.startsWith(PREFIX) !== true) return false;
  if (repository === undefined) return true;
  try {
    const scopes = JSON.parse(
      Buffer.from(token.slice(PREFIX.length), "base64url").toString("utf8"),
    ) as string[];
    return scopes.some((scope) => {
      const [, name, actions] = scope.split(":");
      return name === repository && actions?.split(",").includes(action) === true;
    });
  } catch {
    return false;
  }
}
