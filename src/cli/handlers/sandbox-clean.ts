import type { CommandHandler } from "../command";
import { errorText } from "../output";
import { leftOfRuns, removeLeft } from "../../sandbox/index";
import { Failure } from "../../support/errors";

export const run: CommandHandler = async (args, { host, dryRun, json, terminal }) => {
  const left = await leftOfRuns(host, args.text("sandbox"));
  const { sandboxes, credentials, repos, problems } = dryRun
    ? { ...left, problems: [] }
    : await removeLeft(host, left);
  const lines = [
    ...sandboxes.map((name) => `sandbox ${name} ${dryRun ? "would be removed" : "removed"}`),
    ...credentials.map(
      ({ id, name }) => `credential ${id} (${name}) ${dryRun ? "would be revoked" : "revoked"}`,
    ),
    ...repos.map(({ org, name }) => `repository ${org}/${name} ${dryRun ? "would be removed" : "removed"}`),
    ...left.unseen,
  ];
  const failure =
    problems.length === 0
      ? undefined
      : new Failure({
          code: "CLEAN_INCOMPLETE",
          kind: "environment",
          message: `Not everything could be removed: ${String(problems.length)} left.`,
          log: problems,
          hint: "Try again in a moment; credentials expire by themselves, and Blaxel deletes the sandboxes at the end of their lifetime.",
        });
  if (failure !== undefined && !json) terminal.stderr(errorText(failure, host.redact));
  return {
    error: failure,
    json: {
      dryRun,
      sandboxes,
      keys: credentials.map(({ id }) => id),
      repos: repos.map(({ org, name }) => `${org}/${name}`),
      notLookedFor: left.unseen,
    },
    text:
      lines.length === 0 && failure === undefined
        ? "Earlier runs left nothing behind.\n"
        : lines.map((line) => `${line}\n`).join(""),
  };
};
