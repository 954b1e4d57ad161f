import type { Host } from "../support/host";

/** Who moves a channel: the CI run, else the git identity, else the login name. */
export async function whoMoves(host: Host, root: string): Promise<string> {
  const {
    GITHUB_RUN_ID,
    GITHUB_REPOSITORY,
    GITHUB_SERVER_URL,
    CI_JOB_URL,
    BUILDKITE_BUILD_URL,
    CIRCLE_BUILD_URL,
    BUILD_URL,
    USER,
  } = host.env;
  if (GITHUB_RUN_ID !== undefined && GITHUB_REPOSITORY !== undefined)
    return `${GITHUB_SERVER_URL ?? ""}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
  const run = CI_JOB_URL ?? BUILDKITE_BUILD_URL ?? CIRCLE_BUILD_URL ?? BUILD_URL;
  if (run !== undefined) return run;
  const ask = async (key: string): Promise<string> => {
    const result = await host.run({
      command: "git",
      args: ["-C", root, "config", key],
      env: { PATH: host.env["PATH"] ?? "", HOME: host.env["HOME"] ?? "/" },
      timeoutMs: 5_000,
    });
    return result.exitCode === 0 ? result.stdout.trim() : "";
  };
  const [name, email] = await Promise.all([ask("user.name"), ask("user.email")]);
  if (name === "" && email === "") return USER ?? "unknown";
  return email === "" ? name : name === "" ? email : `${name} <${email}>`;
}
