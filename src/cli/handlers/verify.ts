import { join } from "node:path";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { entriesOf } from "../ref";
import { readLock } from "../../lock/index";
import { readManifest, recordEntry, updateManifest } from "../../manifest/index";
import { loadTemplate, projectFolder, renderTemplate } from "../../render/index";
import { countsOf } from "../../release/entry";
import { realStages } from "../../release/real-stages";
import { refuseUnproven } from "../../release/refuse-unproven";
import { Failure, messageOf } from "../../support/errors";
import { isoTime } from "../../support/clock";
import { EXIT_CODES } from "../../support/exit-codes";
import { stageRequest } from "../stage-run";

export const run: CommandHandler = async (args, context) => {
  const { host, root } = context;
  const path = join(root, "dockerfiles/manifest.json");
  const entries = entriesOf(await readManifest(path), args.required("ref"), context.templates);
  const results = [];
  let first: Error | undefined;
  for (const entry of entries) {
    const { deployment } = entry;
    if (deployment === null)
      throw wrongUsage(`${entry.id} was never deployed.`, `mesa-template release ${entry.mesaVersion}`);
    const lock = await readLock(join(projectFolder(root, entry.template, entry.mesaVersion), "lock.json"));
    if (lock === undefined) throw wrongUsage(`The lock of ${entry.id} is missing.`);
    const rendered = renderTemplate(await loadTemplate(root, entry.template), lock);
    const request = await stageRequest({ ...args, required: () => entry.mesaVersion }, context);
    const report = await realStages.verify(host, request, rendered, { ...deployment }, (message) => {
      host.emit({ type: "stage-progress", template: entry.template, stage: "verify", message });
    });
    let failure: { stage: string; code: string; message: string } | null = null;
    try {
      refuseUnproven(report, args.flag("allow-skipped"), "verify");
    } catch (error) {
      first ??= error instanceof Failure ? error.on(entry.id) : new Error(messageOf(error), { cause: error });
      failure = {
        stage: "verify",
        code: error instanceof Failure ? error.code : "INTERNAL",
        message: host.redact(messageOf(error)),
      };
    }
    const status =
      entry.status === "revoked" || entry.status === "removed"
        ? entry.status
        : failure === null
          ? "verified"
          : "failed";
    await updateManifest(host, path, (manifest) =>
      recordEntry(
        manifest,
        { ...entry, status, verification: { ...countsOf(report) }, failure },
        isoTime(host.clock.now()),
      ),
    );
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
