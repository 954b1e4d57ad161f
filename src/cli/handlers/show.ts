import { join, relative } from "node:path";
import type { CommandHandler } from "../command";
import { openManifest, workspaceShown } from "../manifest-context";
import { fitted } from "../table";
import { channelsAt } from "../../manifest/channels/pointing";
import { NOT_RECORDED, type ManifestEntry, type SmokeEvidence } from "../../manifest/entry";
import { entryDocument, inWorkspace } from "../../manifest/versions/in-workspace";
import { oneEntry } from "../../manifest/versions/ref";
import { humanBytes } from "../../support/bytes";
import { paths } from "../../support/paths";

type Evidence = Pick<
  SmokeEvidence,
  "passed" | "failed" | "skipped" | "durationMs" | "mounted" | "notRun" | "checksDigest"
>;

export const run: CommandHandler = async (args, context) => {
  const opened = await openManifest(context);
  const { manifest } = opened;
  const entry = oneEntry(manifest, args.required("id"), context.templates);
  const channels = channelsAt(manifest, entry.id);
  const workspace = workspaceShown(opened);
  const project = relative(context.root, paths(context.root).project(entry.template, entry.mesaVersion));
  const lines: readonly (readonly [string, string])[] = [
    ["version", entry.id],
    ["status", statusText(entry, workspace)],
    ["channels", channels.join(", ") || "none"],
    ["created", createdText(entry)],
    [
      "image",
      `${humanBytes(entry.image.sizeBytes)}, ${String(entry.image.layers)} layers, ${entry.image.id}`,
    ],
    ["smoke", evidenceText(entry.smoke)],
    ...Object.keys(entry.deployments).flatMap((name) => deploymentLines(entry, name)),
    ...(Object.keys(entry.deployments).length === 0 ? [["deployed", "no"] as const] : []),
    ...failureLines(entry),
    ...revocationLines(entry),
    ["inputs", entry.inputsDigest],
    ["files", join(project, "/")],
  ];
  return {
    json: { workspace: workspace ?? null, version: entryDocument(entry, workspace), channels },
    text: fitted(
      lines.map(([name, value]) => `${name.padEnd(9)}  ${value}\n`).join(""),
      context.terminal.width,
    ),
  };
};

function statusText(entry: ManifestEntry, workspace: string | undefined): string {
  if (workspace === undefined) return entry.status;
  const { status } = inWorkspace(entry, workspace);
  return status === entry.status
    ? status
    : `${status} in the workspace ${workspace} (elsewhere: ${entry.status})`;
}

function createdText({ createdAt, createdBy: { commit, dirty, ci } }: ManifestEntry): string {
  return [
    createdAt,
    ...(commit === null
      ? []
      : [`commit ${commit.slice(0, 12)}${dirty === true ? " with local changes" : ""}`]),
    ...(ci === null ? [] : [ci]),
  ].join(", ");
}

function evidenceText(evidence: Evidence): string {
  const { passed, failed, skipped, durationMs, mounted, notRun, checksDigest } = evidence;
  const mount = mounted
    ? "Mesa mounted"
    : checksDigest === NOT_RECORDED
      ? "mount not recorded"
      : "Mesa not mounted";
  return `${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped${notRun.length === 0 ? "" : ` (${notRun.join(", ")})`} in ${(durationMs / 1000).toFixed(1)} s; ${mount}`;
}

function deploymentLines(entry: ManifestEntry, workspace: string): readonly (readonly [string, string])[] {
  const recorded = entry.deployments[workspace];
  if (recorded === undefined) return [];
  const { image, deployedAt, blVersion, verification, removedAt } = recorded;
  return [
    [
      "deployed",
      `${image} in ${workspace}, ${deployedAt}, bl ${blVersion}${removedAt === undefined ? "" : `; removed ${removedAt}`}`,
    ],
    ["verified", verification === null ? "no" : evidenceText(verification)],
  ];
}

function failureLines({ failure }: ManifestEntry): readonly (readonly [string, string])[] {
  if (failure === null) return [];
  const where = failure.workspace === undefined ? "" : ` in ${failure.workspace}`;
  return [["failure", `${failure.stage}${where}: ${failure.code}: ${failure.message}`]];
}

function revocationLines({ revocation }: ManifestEntry): readonly (readonly [string, string])[] {
  if (revocation === undefined) return [];
  const { at, by, reason, lifted } = revocation;
  return [
    ["revoked", `${at} by ${by}: ${reason}`],
    ...(lifted === undefined
      ? []
      : [["unrevoked", `${lifted.at} by ${lifted.by}: ${lifted.reason}`] as const]),
  ];
}
