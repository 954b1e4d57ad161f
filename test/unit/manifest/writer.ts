import { updateManifest, recordEntry } from "../../../src/manifest/index";
import { Failure } from "../../../src/support/errors";
import { entryOf, promote, rollback } from "./fixture";
import { fileHost } from "./host";

// Run as a process of its own: `record PATH NAME COUNT` adds versions; `loop PATH` records, promotes and rolls back until it is
// killed, both templates at once: in one write.
const host = fileHost(`w${String(process.pid)}`);
const now = (): string => new Date().toISOString();

const [command, path = "", name = "debian", count = "1"] = process.argv.slice(2);
if (command === "record") {
  for (let index = 0; index < Number(count); index += 1) {
    await updateManifest(host, path, (manifest) =>
      recordEntry(manifest, entryOf(name, `0.${String(index)}.0`), now()),
    );
  }
} else {
  process.stdout.write("looping\n");
  for (let index = process.pid; ; index += 1) {
    const version = `0.${String(index % 40)}.0`;
    const both = [entryOf("alpine", version), entryOf("debian", version)];
    await updateManifest(host, path, (manifest) =>
      both.reduce((after, entry) => recordEntry(after, entry, now()), manifest),
    );
    await updateManifest(host, path, (manifest) =>
      promote(
        manifest,
        both.map(({ id }) => id),
        "stable",
        { at: now(), by: String(process.pid) },
      ),
    );
    if (index % 3 === 2) await updateManifest(host, path, rolledBack);
  }
}

/** Nothing to go back to is no trouble here; anything else is. */
function rolledBack(manifest: Parameters<typeof rollback>[0]): ReturnType<typeof rollback> {
  try {
    return rollback(manifest, ["alpine", "debian"], "stable", { at: now(), by: String(process.pid) });
  } catch (error) {
    if (error instanceof Failure && error.code === "CHANNEL_REFUSED") return manifest;
    throw error;
  }
}
