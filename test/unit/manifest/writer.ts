import { updateManifest, recordEntry } from "../../../src/manifest/index";
import { promote, rollback } from "../../../src/manifest/channels";
import { systemClock } from "../../../src/support/clock";
import type { Host } from "../../../src/support/host";
import { createRedactor } from "../../../src/support/redact";
import { entryOf } from "./fixture";

// Run as a process of its own: `record PATH NAME COUNT` adds versions; `loop PATH` records, promotes and rolls back until it is killed.
const host: Host = {
  env: {},
  clock: systemClock,
  fetch: globalThis.fetch,
  run: () => Promise.reject(new Error("not here")),
  emit: () => undefined,
  redact: createRedactor({}),
  signal: new AbortController().signal,
  runId: `w${String(process.pid)}`,
};

const [command, path = "", name = "debian", count = "1"] = process.argv.slice(2);
if (command === "record") {
  for (let index = 0; index < Number(count); index += 1) {
    await updateManifest(host, path, (manifest) =>
      recordEntry(manifest, entryOf(name, `0.${String(index)}.0`)),
    );
  }
} else {
  process.stdout.write("looping\n");
  for (let index = 0; ; index += 1) {
    const facts = { at: new Date().toISOString(), by: "x" };
    const version = `0.${String(index % 40)}.${String(process.pid % 1000)}`;
    const id = `debian@${version}-1`;
    await updateManifest(host, path, (manifest) => recordEntry(manifest, entryOf("debian", version)));
    await updateManifest(host, path, (manifest) => promote(manifest, [id], "stable", facts));
    if (index % 3 === 2)
      await updateManifest(host, path, (manifest) =>
        rollback(manifest, ["debian"], "stable", { ...facts, at: new Date().toISOString() }),
      ).catch(() => undefined);
  }
}
