import type { SandboxInstance } from "@blaxel/core";
import type { CommandContext } from "./command";
import { sortedEntries } from "../manifest/versions/sorted-entries";
import { wrongUsage } from "./command-line";
import { readManifest } from "../manifest/index";
import { paths, templateNames } from "../support/paths";

/** The Mesa version for an image without Mesa, and the steps that install it, from a lock in the repository. */
export async function bootstrapFor(
  context: CommandContext,
  wanted: string | undefined,
  onStep: (name: string, outcome: "done" | "already") => void = () => undefined,
): Promise<{ readonly mesaVersion: string; readonly prepare: (sandbox: SandboxInstance) => Promise<void> }> {
  const { host, root } = context;
  const manifest = await readManifest(paths(root).manifest);
  const newest = sortedEntries(manifest).find((entry) => entry.status !== "revoked")?.mesaVersion;
  const [{ parseMesaVersion, readLock, loadUpstream }, { bootstrap }] = await Promise.all([
    import("../lock/index"),
    import("../sandbox/bootstrap"),
  ]);
  const version = wanted === undefined ? newest : parseMesaVersion(wanted);
  if (version === undefined) throw wrongUsage("Which Mesa version?", "Give --mesa-version VERSION.");
  const locks = await Promise.all(
    (templateNames(root) ?? []).map((template) => readLock(paths(root).lockFile(template, version))),
  );
  const lock = locks.find((found) => found !== undefined);
  if (lock === undefined)
    throw wrongUsage(
      `There is no lock for Mesa ${version}.`,
      `Lock it first: mesa-template lock ${version}.`,
    );
  const upstream = await loadUpstream(context.upstream ?? paths(root).upstream);
  return {
    mesaVersion: lock.mesaVersion,
    prepare: (sandbox) =>
      bootstrap(host, sandbox, lock, upstream.mirrors.packages, (name, outcome) => {
        onStep(name, outcome);
        host.emit({ type: "note", message: `${name}: ${outcome}` });
      }),
  };
}
