import { resolve } from "node:path";
import type { CommandHandler } from "../command";
import { openManifest } from "../manifest-context";
import { entriesOf } from "../../manifest/versions/ref";
import { inWorkspace } from "../../manifest/versions/in-workspace";
import { deployCommandFor, workspaceAsked } from "../../manifest/versions/usable-image";
import { realStages } from "../../release/real-stages";
import { verifyVersion, type VerifyResult } from "../../release/verify";
import { Failure } from "../../support/errors";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = async (args, context) => {
  const { manifest, workspaceInUse } = await openManifest(context);
  const workspace = workspaceAsked(manifest, workspaceInUse);
  const request = {
    root: context.root,
    allowSkipped: args.flag("allow-skipped"),
    checks: args.list("checks").map((file) => resolve(file)),
  };
  const results: VerifyResult[] = [];
  for (const entry of entriesOf(manifest, args.required("ref"), context.templates)) {
    const { deployment } = inWorkspace(entry, workspace);
    if (deployment === null)
      throw new Failure({
        code: "NOT_DEPLOYED",
        kind: "deploy",
        message: `${entry.id} is not deployed in ${workspace === undefined ? "any workspace" : `the workspace ${workspace}`}.`,
        hint: `Deploy it: ${deployCommandFor(entry, workspace)}.`,
      });
    results.push(await verifyVersion(context.host, request, entry, deployment, realStages));
  }
  const unproven = results.find(({ error }) => error !== undefined);
  if (unproven?.error !== undefined) throw unproven.error;
  return {
    exitCode: EXIT_CODES.done,
    json: {
      ok: true,
      results: results.map(({ id, status, report }) => {
        const { passed, failed: failing, skipped, durationMs, checks } = report;
        return { id, status, passed, failed: failing, skipped, durationMs, checks };
      }),
    },
    text: results
      .map(({ id, status, report }) => `${id}: ${status}, ${String(report.passed)} passed\n`)
      .join(""),
  };
};
