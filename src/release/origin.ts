import type { Host } from "../support/host";

/** The CI run's address, from the variables the CI systems set, or null outside of them. */
export function ciRun(env: Readonly<Record<string, string | undefined>>): string | null {
  const {
    GITHUB_SERVER_URL,
    GITHUB_REPOSITORY,
    GITHUB_RUN_ID,
    CI_JOB_URL,
    BUILDKITE_BUILD_URL,
    CIRCLE_BUILD_URL,
    BUILD_URL,
  } = env;
  if (GITHUB_RUN_ID !== undefined && GITHUB_REPOSITORY !== undefined) {
    return `${GITHUB_SERVER_URL ?? ""}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
  }
  return CI_JOB_URL ?? BUILDKITE_BUILD_URL ?? CIRCLE_BUILD_URL ?? BUILD_URL ?? null;
}

/** Which commit of the templates and which CI run a version comes from; null where there is none. */
export async function originOf(
  host: Host,
  root: string,
): Promise<{ readonly commit: string | null; readonly ci: string | null }> {
  const ci = ciRun(host.env);
  const result = await host.run({
    command: "git",
    args: ["-C", root, "rev-parse", "HEAD"],
    env: { PATH: host.env["PATH"] ?? "", HOME: host.env["HOME"] ?? "/" },
    timeoutMs: 5_000,
  });
  const commit =
    result.exitCode === 0 && /^[0-9a-f]{40,64}\s*$/u.test(result.stdout) ? result.stdout.trim() : null;
  return { commit, ci };
}
