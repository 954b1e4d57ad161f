import type { SandboxInstance } from "@blaxel/core";
import { parseMesaVersion, readLock } from "../../lock/index";
import { channelTarget } from "../../manifest/channels/pointing";
import { isWithdrawn, type Manifest, type ManifestEntry } from "../../manifest/entry";
import { statusShown } from "../../manifest/versions/in-workspace";
import { sortedEntries } from "../../manifest/versions/newest";
import { bootstrap, runningSandbox } from "../../sandbox/bootstrap";
import { leftOfRuns, mergeBranch, removeLeft } from "../../sandbox/index";
import { Failure, wrongUsage } from "../../support/errors";
import { paths, templateNames } from "../../support/files/paths";
import type { CommandContext, CommandHandler } from "../command";
import { openManifest, workspaceShown } from "../manifest-context";

export const bootstrapCommand: CommandHandler = async (args, context) => {
  const name = args.required("sandbox");
  const steps: { name: string; outcome: string }[] = [];
  const { mesaVersion, prepare } = await bootstrapFor(context, args.text("mesa-version"), (step, outcome) => {
    steps.push({ name: step, outcome });
  });
  await prepare(await runningSandbox(context.host, name));
  return {
    json: { sandbox: name, mesaVersion, steps },
    text: `Mesa ${mesaVersion} is installed in ${name}.\n`,
  };
};

/**
 * The version to install if none is requested: that of stable, else the newest verified one, else the newest that passed smoke.
 * @param workspace where it must be verified; undefined: in any
 * @returns the Mesa version, and why, as a clause; undefined if no version is usable
 */
export function versionToInstall(manifest: Manifest, workspace: string | undefined) {
  const usable = sortedEntries(manifest).filter(({ status }) => !isWithdrawn(status));
  const newest = (...wanted: readonly string[]): ManifestEntry | undefined =>
    usable.find((entry) => wanted.includes(statusShown(entry, workspace)));
  const choices = [
    [
      usable.find(({ template, id }) => channelTarget(manifest, template, "stable") === id),
      "which stable points at",
    ],
    [newest("verified"), `the newest verified version${workspace === undefined ? "" : ` in ${workspace}`}`],
    [newest("deployed", "smoked"), "the newest version that passed smoke"],
  ] as const;
  for (const [entry, why] of choices) if (entry !== undefined) return { mesaVersion: entry.mesaVersion, why };
  return undefined;
}

/** The Mesa version for an image without Mesa, and the steps that install it, from a lock in the repository. */
export async function bootstrapFor(
  context: CommandContext,
  wanted: string | undefined,
  onStep?: (name: string, outcome: "done" | "already") => void,
) {
  const { host, root } = context;
  const { manifest } = await openManifest(context);
  const chosen = versionToInstall(manifest, await workspaceShown(context, manifest));
  const version = wanted === undefined ? chosen?.mesaVersion : parseMesaVersion(wanted);
  if (version === undefined)
    throw wrongUsage("Which Mesa version?", "The manifest has no usable one. Give --mesa-version VERSION.");
  const why = wanted === undefined && chosen !== undefined ? `, ${chosen.why}` : "";
  const locks = await Promise.all(
    (templateNames(root) ?? []).map((template) => readLock(paths(root).lockFile(template, version))),
  );
  const lock = locks.find((found) => found !== undefined);
  if (lock === undefined)
    throw wrongUsage(
      `There is no lock for Mesa ${version}${why}.`,
      `Lock it first: mesa-template lock ${version}.`,
    );
  const upstream = await context.upstream();
  host.emit({ type: "note", message: `Mesa ${version}${why}` });
  return {
    mesaVersion: lock.mesaVersion,
    prepare: (sandbox: SandboxInstance) =>
      bootstrap(host, sandbox, lock, upstream.mirrors.packages, (name, outcome) => {
        onStep?.(name, outcome);
        host.emit({ type: "note", message: `${name}: ${outcome === "already" ? "already done" : outcome}` });
      }),
  };
}

export const mergeCommand: CommandHandler = async (args, { host }) => {
  const [repo, source, target] = [args.required("repo"), args.required("bookmark"), args.required("into")];
  const merged = await mergeBranch(host, { repo, source, target, deleteSource: args.flag("delete") });
  return {
    json: { repo, bookmark: source, into: target, merged },
    text: merged
      ? `${source} is merged into ${target} of ${repo}\n`
      : `${target} of ${repo} has all of ${source} already\n`,
  };
};

export const cleanCommand: CommandHandler = async (args, { host, dryRun }) => {
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
  const incomplete = new Failure({
    code: "CLEAN_INCOMPLETE",
    kind: "environment",
    message: `Not everything could be removed: ${String(problems.length)} left.`,
    log: problems,
    hint: "Try again in a moment; credentials expire by themselves, and Blaxel deletes the sandboxes at the end of their lifetime.",
  });
  return {
    errors: problems.length === 0 ? [] : [incomplete],
    json: {
      dryRun,
      sandboxes,
      keys: credentials.map(({ id }) => id),
      repos: repos.map(({ org, name }) => `${org}/${name}`),
      notLookedFor: left.unseen,
    },
    text:
      lines.length === 0 && problems.length === 0
        ? "Earlier runs left nothing behind.\n"
        : lines.map((line) => `${line}\n`).join(""),
  };
};
