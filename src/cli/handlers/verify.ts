import { join } from "node:path";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { entriesOf } from "../ref";
import { readLock } from "../../lock/index";
import type { ManifestEntry } from "../../manifest/entry";
import { readManifest, recordEntry, updateManifest } from "../../manifest/index";
import { newestDeployment } from "../../manifest/versions/in-workspace";
import { loadTemplate, projectFolder, renderTemplate } from "../../render/index";
import { countsOf, deploymentRecord } from "../../release/entry";
import { realStages } from "../../release/real-stages";
import { refuseUnproven } from "../../release/refuse-unproven";
import { Failure, messageOf } from "../../support/errors";
import { isoTime } from "../../support/clock";
import { EXIT_CODES } from "../../support/exit-codes";
import { stageRequest } from "../stage-run";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, context) => {
  const { host, root } = context;
  const path = paths(root).manifest;
  const entries = entriesOf(await readManifest(path), args.required("ref"), context.templates);
  const results = [];
  let first: Error | undefined;
  for (const entry of entries) {
    const deployment = newestDeployment(entry);
    if (deployment === undefined)
      throw wrongUsage(`${entry.id} was never deployed.`, `mesa-template release ${entry.mesaVersion}`);
    const lock = await readLock(join(projectFolder(root, entry.template, entry.mesaVersion), "lock.json"));
    if (lock === undefined) throw wrongUsage(`The lock of ${entry.id} is missing.`);
    const rendered = renderTemplate(await loadTemplate(root, entry.template), lock);
    const request = await stageRequest({ ...args, required: () => entry.mesaVersion }, context);
    const report = await realStages.verify(host, request, rendered, deployment, (message) => {
      host.emit({ type: "stage-progress", template: entry.template, stage: "verify", message });
    });
    let failure: ManifestEntry["failure"] = null;
    try {
      refuseUnproven(report, args.flag("allow-skipped"), "verify");
    } catch (error) {
      first ??= error instanceof Failure ? error.on(entry.id) : new Error(messageOf(error), { cause: error });
      failure = {
        stage: "verify",
        code: error instanceof Failure ? error.code : "INTERNAL",
        message: host.redact(messageOf(error)),
        workspace: deployment.workspace,
      };
    }
    const at = isoTime(host.clock.now());
    const deployments = { [deployment.workspace]: deploymentRecord(deployment, report, at) };
    const after = await updateManifest(host, path, (manifest) =>
      recordEntry(manifest, { ...entry, deployments, failure }, at),
    );
    const status = after.versions[entry.id]?.status ?? entry.status;
    results.push({ id: entry.id, status, ...countsOf(report), checks: report.checks });
  }
  if (first !== undefined) throw first;
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, results },
    text: results
      .map((result) => `${result.id}: ${result.status}, ${String(result.passed)} passed\n`)
      .join(""),
  };
};
