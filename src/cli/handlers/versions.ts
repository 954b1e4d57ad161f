import { join, relative } from "node:path";
import { workspaceInUse } from "../../blaxel/credentials";
import { channelsAt, channelTarget } from "../../manifest/channels/pointing";
import { channelNames, noSuchChannel } from "../../manifest/channels/promote";
import {
  NOT_RECORDED,
  VERSION_STATUSES,
  type ManifestEntry,
  type Verification,
  type VersionDeployment,
} from "../../manifest/entry";
import { entryDocument, imagesShown, inWorkspace, statusShown } from "../../manifest/versions/in-workspace";
import { sortedEntries } from "../../manifest/versions/newest";
import { usableImage, workspaceAsked } from "../../manifest/versions/usable-image";
import { wrongUsage } from "../../support/errors";
import { humanBytes } from "../../support/text/bytes";
import { didYouMean } from "../../support/text/nearest";
import { paths } from "../../support/files/paths";
import type { CommandHandler } from "../command";
import { openManifest, workspaceShown } from "../manifest-context";
import { age, fitted, table } from "../output/table";

export const listCommand: CommandHandler = async (args, context) => {
  const { host, terminal, json } = context;
  const [status, channel] = [args.text("status"), args.text("channel")];
  if (status !== undefined && !VERSION_STATUSES.some((known) => known === status))
    throw wrongUsage(
      `There is no status "${status}".`,
      `${didYouMean(status, VERSION_STATUSES)} There are: ${VERSION_STATUSES.join(", ")}.`.trim(),
    );
  const { manifest, channels, isAsked } = await openManifest(context);
  if (channel !== undefined && !channelNames(manifest).includes(channel))
    throw wrongUsage(noSuchChannel(manifest, channel));
  const workspace = await workspaceShown(context, manifest);
  const versions = sortedEntries(manifest).filter(
    (entry) =>
      isAsked(entry.template) &&
      (status === undefined || statusShown(entry, workspace) === status) &&
      (channel === undefined || channelTarget(manifest, entry.template, channel) === entry.id),
  );
  const rowOf = (entry: ManifestEntry): readonly string[] => {
    const { deployment, verification } = inWorkspace(entry, workspace);
    const { passed, failed, skipped, mounted } = entry.smoke;
    return [
      entry.id,
      `${statusShown(entry, workspace)}${skippedText(verification?.skipped ?? 0)}`,
      channelsAt(manifest, entry.id).join(",") || "-",
      age(deployment?.deployedAt ?? entry.createdAt, host.clock.now()),
      humanBytes(entry.image.sizeBytes),
      `${String(passed)}/${String(passed + failed + skipped)}${skippedText(skipped)}${mounted ? "" : " no mount"}`,
      imagesShown(entry, workspace) || "-",
    ];
  };
  const head = ["VERSION", "STATUS", "CHANNELS", "AGE", "SIZE", "SMOKE", "IMAGE"];
  const isEmpty = Object.keys(manifest.versions).length === 0;
  const none = isEmpty
    ? "No versions yet. Release one: mesa-template release VERSION\n"
    : "No version matches these filters.\n";
  return {
    json: {
      workspace: workspace ?? null,
      versions: versions.map((entry) => entryDocument(entry, workspace)),
      channels,
    },
    text: json ? "" : table(head, versions.map(rowOf), terminal.width, none),
  };
};

function skippedText(skipped: number): string {
  return skipped === 0 ? "" : ` (${String(skipped)} skipped)`;
}

export const showCommand: CommandHandler = async (args, context) => {
  const opened = await openManifest(context);
  const { manifest } = opened;
  const entry = opened.entry(args.required("id"));
  const channels = channelsAt(manifest, entry.id);
  const workspace = await workspaceShown(context, manifest);
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
    ...Object.values(entry.deployments).flatMap(deploymentLines),
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

function evidenceText(evidence: ManifestEntry["smoke"] | Verification): string {
  const { passed, failed, skipped, durationMs, mounted, notRun, checksDigest } = evidence;
  const mount = mounted
    ? "Mesa mounted"
    : checksDigest === NOT_RECORDED
      ? "mount not recorded"
      : "Mesa not mounted";
  return `${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped${notRun.length === 0 ? "" : ` (${notRun.join(", ")})`} in ${(durationMs / 1000).toFixed(1)} s; ${mount}`;
}

function deploymentLines(deployment: VersionDeployment): readonly (readonly [string, string])[] {
  const { workspace, image, deployedAt, blVersion, verification, removedAt } = deployment;
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

export const resolveCommand: CommandHandler = async (args, context) => {
  const { manifest, entry } = await openManifest(context);
  const ref = args.required("ref");
  const version = entry(ref);
  const workspace = workspaceAsked(manifest, await workspaceInUse(context.host));
  const image = usableImage(manifest, version, workspace);
  return {
    json: { ref, image, workspace: workspace ?? null, version: entryDocument(version, workspace) },
    text: `${image}\n`,
  };
};
