import type { CommandHandler } from "../command";
import { humanBytes } from "../../support/bytes";
import { oneEntry } from "../ref";
import { readManifest } from "../../manifest/index";
import { entryDocument, newestDeployment } from "../../manifest/versions/in-workspace";
import { EXIT_CODES } from "../../support/exit-codes";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, { root, templates }) => {
  const manifest = await readManifest(paths(root).manifest);
  const entry = oneEntry(manifest, args.required("id"), templates);
  const channels = Object.entries(manifest.channels[entry.template] ?? {})
    .filter(([, id]) => id === entry.id)
    .map(([name]) => name);
  const counts = (report: {
    readonly passed: number;
    readonly failed: number;
    readonly skipped: number;
    readonly durationMs: number;
  }): string =>
    `${String(report.passed)} passed, ${String(report.failed)} failed, ${String(report.skipped)} skipped in ${(report.durationMs / 1000).toFixed(1)} s`;
  const document = entryDocument(entry, newestDeployment(entry)?.workspace);
  const { deployment, verification } = document;
  const lines: [string, string][] = [
    ["version", entry.id],
    ["status", entry.status],
    ["channels", channels.join(", ") || "none"],
    [
      "created",
      `${entry.createdAt}${entry.createdBy.commit === null ? "" : `, commit ${entry.createdBy.commit.slice(0, 12)}`}${entry.createdBy.ci === null ? "" : `, ${entry.createdBy.ci}`}`,
    ],
    [
      "image",
      `${humanBytes(entry.image.sizeBytes)}, ${String(entry.image.layers)} layers, ${entry.image.id}`,
    ],
    ["smoke", counts(entry.smoke)],
    ["verified", verification === null ? "no" : counts(verification)],
    [
      "deployed",
      deployment === null
        ? "no"
        : `${deployment.image} in ${deployment.workspace}, ${deployment.deployedAt}, bl ${deployment.blVersion}`,
    ],
    ...(entry.failure === null
      ? []
      : [
          ["failure", `${entry.failure.stage}: ${entry.failure.code}: ${entry.failure.message}`] as [
            string,
            string,
          ],
        ]),
    ...(entry.revocation === undefined
      ? []
      : [
          ["revoked", `${entry.revocation.at} by ${entry.revocation.by}: ${entry.revocation.reason}`] as [
            string,
            string,
          ],
        ]),
    ["inputs", entry.inputsDigest],
    ["files", `dockerfiles/${entry.template}/${entry.mesaVersion}/`],
  ];
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, version: document, channels },
    text: lines.map(([name, value]) => `${name.padEnd(9)} ${value}\n`).join(""),
  };
};
