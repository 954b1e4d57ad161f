import { join } from "node:path";
import type { SandboxInstance } from "@blaxel/core";
import type { CommandContext } from "./command";
import { sortedEntries } from "./ref";
import { wrongUsage } from "./command-line";
import { readManifest } from "../manifest/index";

/** Which Mesa goes into an image that has none, and the steps that bring it there: from a lock that is in the repository. */
export async function bootstrapFor(
  context: CommandContext,
  wanted: string | undefined,
): Promise<{ readonly mesaVersion: string; readonly prepare: (sandbox: SandboxInstance) => Promise<void> }> {
  const { host, root } = context;
  const manifest = await readManifest(join(root, "dockerfiles/manifest.json"));
  const entries = sortedEntries(manifest).filter(
    (entry) => wanted === undefined || entry.mesaVersion === wanted,
  );
  const [entry] = entries;
  if (entry === undefined)
    throw wrongUsage(
      wanted === undefined ? "Which Mesa version?" : `There is no lock for Mesa ${wanted}.`,
      "Lock it first: mesa-template lock VERSION; then give --mesa-version VERSION.",
    );
  const [{ readLock, loadUpstream }, { bootstrap }] = await Promise.all([
    import("../lock/index"),
    import("../sandbox/bootstrap"),
  ]);
  const lock = await readLock(join(root, "dockerfiles", entry.template, entry.mesaVersion, "lock.json"));
  if (lock === undefined)
    throw wrongUsage(`The lock of ${entry.id} is missing.`, `mesa-template lock ${entry.mesaVersion}`);
  const upstream = await loadUpstream(context.upstream ?? join(root, "templates/upstream.toml"));
  return {
    mesaVersion: lock.mesaVersion,
    prepare: (sandbox) =>
      bootstrap(sandbox, lock.deb, upstream.mirrors.packages, (name, outcome) => {
        host.emit({ type: "note", message: `${name}: ${outcome}` });
      }),
  };
}
