import type { SandboxInstance } from "@blaxel/core";
import type { CommandContext } from "./command";
import { wrongUsage } from "./command-line";
import { openManifest, workspaceShown } from "./manifest-context";
import { channelTarget } from "../manifest/channels/pointing";
import type { Manifest, ManifestEntry } from "../manifest/entry";
import { statusShown } from "../manifest/versions/in-workspace";
import { sortedEntries } from "../manifest/versions/newest";
import { paths, templateNames } from "../support/paths";

/**
 * The version to install if none is requested: that of stable, else the newest verified one, else the newest that passed smoke.
 * @param workspace where it must be verified; undefined: in any
 * @returns the Mesa version, and why, as a clause; undefined if no version is usable
 */
export function versionToInstall(
  manifest: Manifest,
  workspace: string | undefined,
): { readonly mesaVersion: string; readonly why: string } | undefined {
  const usable = sortedEntries(manifest).filter(({ status }) => status !== "revoked" && status !== "removed");
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
  onStep: (name: string, outcome: "done" | "already") => void = () => undefined,
): Promise<{ readonly mesaVersion: string; readonly prepare: (sandbox: SandboxInstance) => Promise<void> }> {
  const { host, root } = context;
  const [{ parseMesaVersion, readLock, loadUpstream }, { bootstrap }] = await Promise.all([
    import("../lock/index"),
    import("../sandbox/bootstrap"),
  ]);
  const opened = await openManifest(context);
  const chosen = versionToInstall(opened.manifest, workspaceShown(opened));
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
  const upstream = await loadUpstream(context.upstream ?? paths(root).upstream);
  host.emit({ type: "note", message: `Mesa ${version}${why}` });
  return {
    mesaVersion: lock.mesaVersion,
    prepare: (sandbox) =>
      bootstrap(host, sandbox, lock, upstream.mirrors.packages, (name, outcome) => {
        onStep(name, outcome);
        host.emit({ type: "note", message: `${name}: ${outcome}` });
      }),
  };
}
