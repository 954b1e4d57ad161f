import pLimit from "p-limit";
import type { CommandHandler } from "../command";
import { stageRequest } from "../stage-run";
import { realStages } from "../../release/real-stages";
import { EXIT_CODES } from "../../support/exit-codes";
import type { SmokeReport } from "../../smoke/report";

function reportText(report: SmokeReport): string {
  const mark = { passed: "ok  ", failed: "FAIL", skipped: "skip" } as const;
  const lines = report.checks.map(
    (check) =>
      `  ${mark[check.outcome]} ${check.name} (${String(Math.round(check.durationMs))} ms)${check.outcome === "passed" || check.seen === undefined ? "" : `\n       ${check.seen}`}${check.hint === undefined ? "" : `\n       ${check.hint}`}`,
  );
  return `${report.template}: ${String(report.passed)} passed, ${String(report.failed)} failed, ${String(report.skipped)} skipped in ${(report.durationMs / 1000).toFixed(1)} s\n${lines.join("\n")}\n`;
}

export const run: CommandHandler = async (args, context) => {
  const { host } = context;
  const request = await stageRequest(args, context);
  const limit = pLimit(context.concurrency);
  const results = await Promise.all(
    request.templates.map((template) =>
      limit(async () => {
        const progress = (message: string): void => {
          host.emit({ type: "stage-progress", template, stage: "smoke", message });
        };
        const { lock } = await realStages.lock(host, request, template);
        const rendered = await realStages.render(host, request, template, lock);
        const { image } = await realStages.build(host, request, rendered, progress);
        return realStages.smoke(host, request, rendered, image, progress);
      }),
    ),
  );
  const bad = results.filter((report) => report.failed > 0 || (report.skipped > 0 && !request.allowSkipped));
  const names = bad.flatMap((report) =>
    report.checks
      .filter((check) => check.outcome !== "passed")
      .map((check) => `${report.template}: ${check.name}`),
  );
  return {
    exitCode: bad.length === 0 ? EXIT_CODES.done : EXIT_CODES.smoke,
    json: {
      ok: bad.length === 0,
      results,
      ...(bad.length === 0
        ? {}
        : {
            error: {
              code: "SMOKE_FAILED",
              message: names.join("; "),
              hint: "Each check says what it saw and what to do.",
              cause: null,
              log: names,
            },
          }),
    },
    text: results.map(reportText).join("\n"),
  };
};
