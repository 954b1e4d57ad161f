import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { canonicalJson } from "../support/canonical-json";
import { Failure, messageOf } from "../support/errors";
import { writeAtomically } from "../support/files";
import type { Host } from "../support/host";
import type { Manifest } from "./entry";
import { withManifestLock } from "./manifest-lock";
import { readManifest } from "./read";

/**
 * Changes the manifest: under the lock, from what is on disk at that moment, replaced in one step. A run that is killed
 * leaves the old file; parallel runs wait for each other, so that nothing is lost. Without a change nothing is written.
 * @throws Failure of kind manifest (exit 8)
 */
export async function updateManifest(
  host: Host,
  path: string,
  change: (manifest: Manifest) => Manifest,
): Promise<Manifest> {
  try {
    await mkdir(dirname(path), { recursive: true });
    return await withManifestLock(host, path, async () => {
      const before = await readManifest(path);
      const after = change(before);
      const text = canonicalJson(after);
      if (
        after !== before ||
        !(await stat(path).then(
          () => true,
          () => false,
        ))
      )
        await writeAtomically(path, text);
      return after;
    });
  } catch (error) {
    if (error instanceof Failure && error.code !== "WRITE_FAILED") throw error;
    host.signal.throwIfAborted();
    throw new Failure({
      code: "MANIFEST_WRITE_FAILED",
      kind: "manifest",
      message: `The manifest could not be written: ${messageOf(error)}`,
      hint: "The old file is untouched. Check that its folder is writable and has space left, then run again: finished stages are kept.",
      cause: error,
    });
  }
}
