import type { MoveFacts } from "../../../src/manifest/channels/move";
import { promote as promoteAsked } from "../../../src/manifest/channels/promote";
import { rollback as rollbackAsked } from "../../../src/manifest/channels/rollback";
import type { Manifest, ManifestEntry, VersionDeployment, VersionStatus } from "../../../src/manifest/entry";
import { EMPTY_MANIFEST, versionId } from "../../../src/manifest/entry";

const evidence = (passed: number) => ({
  checksDigest: `sha256:${"c".repeat(64)}`,
  mounted: true,
  passed,
  failed: 0,
  skipped: 0,
  durationMs: 1000,
  notRun: [],
});

/** A deployment of a template version, verified unless said otherwise. */
export function deploymentOf(
  template: string,
  mesaVersion: string,
  revision = 1,
  workspace = "ws",
  verified = true,
): VersionDeployment {
  const image = `sandbox/mesa-${template}:tag${mesaVersion.replaceAll(".", "")}r${String(revision)}`;
  const at = "2026-01-01T00:00:00.000Z";
  return {
    workspace,
    sandbox: `mesa-${template}`,
    image,
    deployedAt: at,
    blVersion: "0.1.108",
    verification: verified ? { image, at, ...evidence(17) } : null,
  };
}

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
    smoke: {
      imageId: `sha256:${"b".repeat(64)}`,
      inputsDigest: `sha256:${"a".repeat(64)}`,
      ...evidence(24),
    },
    deployments:
      status === "verified" || status === "deployed"
        ? { ws: deploymentOf(template, mesaVersion, revision, "ws", status === "verified") }
        : {},
    failure: status === "failed" ? { stage: "deploy", code: "X", message: "it failed" } : null,
    createdAt: "2026-01-01T00:00:00.000Z",
    createdBy: { commit: null, ci: null },
    ...(status === "revoked"
      ? { revocation: { reason: "broken", at: "2026-01-02T00:00:00.000Z", by: "x" } }
      : {}),
  };
}

function named(manifest: Manifest, ids: readonly string[]): readonly ManifestEntry[] {
  return ids.flatMap((id) => manifest.versions[id] ?? []);
}

/** Promotes in the workspace of these fixtures, to channels of any name. */
export function promote(
  manifest: Manifest,
  ids: readonly string[],
  channel: string,
  facts: MoveFacts,
  unverified = false,
): Manifest {
  return promoteAsked(
    manifest,
    { entries: named(manifest, ids), channel, workspace: "ws", unverified, create: true },
    facts,
  );
}

/** Rolls back in the workspace of these fixtures. */
export function rollback(
  manifest: Manifest,
  templates: readonly string[],
  channel: string,
  facts: MoveFacts,
  to?: readonly string[],
): Manifest {
  return rollbackAsked(
    manifest,
    { templates, channel, workspace: "ws", to: to && named(manifest, to) },
    facts,
  );
}

export function manifestOf(...entries: readonly ManifestEntry[]): Manifest {
  return { ...EMPTY_MANIFEST, versions: Object.fromEntries(entries.map((entry) => [entry.id, entry])) };
}
