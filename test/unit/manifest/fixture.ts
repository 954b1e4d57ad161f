import type { Manifest, ManifestEntry, VersionStatus } from "../../../src/manifest/entry";
import { EMPTY_MANIFEST, versionId } from "../../../src/manifest/entry";

/** An entry of a template version, verified unless said otherwise. */
export function entryOf(
  template: string,
  mesaVersion: string,
  revision = 1,
  status: VersionStatus = "verified",
): ManifestEntry {
  return {
    id: versionId(template, mesaVersion, revision),
    template,
    mesaVersion,
    revision,
    inputsDigest: `sha256:${"a".repeat(64)}`,
    status,
    image: { id: `sha256:${"b".repeat(64)}`, sizeBytes: 1000, layers: 3 },
    smoke: { passed: 24, failed: 0, skipped: 0, durationMs: 1000 },
    verification: status === "verified" ? { passed: 17, failed: 0, skipped: 0, durationMs: 900 } : null,
    deployment:
      status === "verified" || status === "deployed"
        ? {
            workspace: "ws",
            sandbox: `mesa-${template}`,
            image: `sandbox/mesa-${template}:tag${mesaVersion.replaceAll(".", "")}r${String(revision)}`,
            deployedAt: "2026-01-01T00:00:00.000Z",
            blVersion: "0.1.108",
          }
        : null,
    failure: status === "failed" ? { stage: "deploy", code: "X", message: "it failed" } : null,
    createdAt: "2026-01-01T00:00:00.000Z",
    createdBy: { commit: null, ci: null },
  };
}

export function manifestOf(...entries: readonly ManifestEntry[]): Manifest {
  return { ...EMPTY_MANIFEST, versions: Object.fromEntries(entries.map((entry) => [entry.id, entry])) };
}
