import { resolve } from "node:path";
import pLimit from "p-limit";
import { parseMesaVersion } from "../../lock/index";
import { stageProgress } from "../../release/stages/stage-runner";
import { realStages } from "../../release/stages/stages";
import { lockedAndRendered, smokeVersion, type SmokeTarget } from "../../release/smoke";
import { proveImage } from "../../smoke/index";
import type { CheckResult, SmokeReport } from "../../smoke/report";
import { humanBytes } from "../../support/text/bytes";
import { Failure, wrongUsage } from "../../support/errors";
import { writeOutput } from "../../support/files/files";
import type { CommandArgs } from "../line/arguments";
import type { CommandContext, CommandHandler, CommandOutcome } from "../command";
import { openManifest } from "../manifest-context";
import { junitXml } from "../output/junit";
import { fitted } from "../output/table";
import { templateFolders } from "../template-folders";
import { buildOptions } from "./release";

export const buildCommand: CommandHandler = async (args, context) => {
  const version = parseMesaVersion(args.required("mesa-version"));
  const request = buildOptions(args);
  const stages = realStages(context);
  const results = await pLimit(context.concurrency).map(templateFolders(context), async (template) => {
    const rendered = await lockedAndRendered(context, { ...request, template, version }, stages);
    const progress = stageProgress(context.host, template, "build");
    const { image, reused } = await stages.build(rendered, request, progress);
    return { template, outcome: reused ? "reused" : "done", image };
  });
  return {
    json: { results },
    text: results
      .map(
        ({ template, outcome, image }) =>
          `${template}: ${image.reference} ${outcome}, ${humanBytes(image.sizeBytes)}, ${String(image.layers.length)} layers\n`,
      )
      .join(""),
  };
};

export const smokeCommand: CommandHandler = async (args, context) => {
  const isVersion = args.text("ref") !== undefined;
  if (isVersion === args.list("image").length > 0)
    throw wrongUsage("Name what to check: a version (smoke REF) or a local image (smoke --image IMAGE).");
  const reports = await (isVersion ? proveVersions(args, context) : testImages(args, context));
  const junit = args.text("junit");
  if (junit !== undefined) await writeOutput(resolve(junit), context.host.redact(junitXml(reports)));
  const { text, ...rest } = outcome(reports, args.flag("allow-skipped"));
  return { ...rest, text: fitted(text, context.terminal.width) };
};

async function testImages(args: CommandArgs, context: CommandContext): Promise<readonly SmokeReport[]> {
  const files = { structureTests: args.list("structure-tests"), checks: args.list("checks") };
  if (files.structureTests.length + files.checks.length === 0)
    throw wrongUsage("--image needs a file of checks: --checks FILE or --structure-tests FILE.");
  return pLimit(context.concurrency).map(args.list("image"), (image) =>
    proveImage(context.host, context.engine, image, files),
  );
}

async function proveVersions(args: CommandArgs, context: CommandContext): Promise<readonly SmokeReport[]> {
  const targets = await smokeTargets(args.required("ref"), context);
  const request = buildOptions(args);
  const stages = realStages(context);
  return pLimit(context.concurrency).map(targets, (target) =>
    smokeVersion(context, { ...request, ...target }, stages),
  );
}

/** Where a check stands that did not pass, what it expected and saw, and what to do. */
function detailsOf({ outcome: how, file, line, expected, seen, hint }: CheckResult): readonly string[] {
  if (how === "passed") return [];
  const place = file === undefined || line === undefined ? file : `${file}:${String(line)}`;
  const wanted = expected === undefined ? undefined : `expected ${expected}`;
  return [place, wanted, seen, hint].filter((text) => text !== undefined);
}

function reportText(report: SmokeReport): string {
  const mark = { passed: "ok  ", failed: "FAIL", skipped: "skip" } as const;
  const lines = report.checks.flatMap((check) => [
    `  ${mark[check.outcome]} ${check.name} (${String(Math.round(check.durationMs))} ms)`,
    ...detailsOf(check).map((line) => `       ${line.replaceAll("\n", "\n       ")}`),
  ]);
  const counts = `${String(report.passed)} passed, ${String(report.failed)} failed, ${String(report.skipped)} skipped`;
  return `${report.template}: ${counts} in ${(report.durationMs / 1000).toFixed(1)} s\n${lines.join("\n")}\n`;
}

function outcome(reports: readonly SmokeReport[], allowSkipped: boolean): CommandOutcome {
  const bad = reports.filter((report) => report.failed > 0 || (report.skipped > 0 && !allowSkipped));
  const names = bad.flatMap(({ template, checks }) =>
    checks.flatMap(({ outcome: how, name }) => (how === "passed" ? [] : [`${template}: ${name}`])),
  );
  const failed = new Failure({
    code: "SMOKE_FAILED",
    kind: "smoke",
    message: names.join("; "),
    hint: "The report shows each check's result and what to do.",
    log: names,
  });
  return {
    error: bad.length === 0 ? undefined : failed,
    json: { results: reports },
    text: reports.map(reportText).join("\n"),
  };
}

/**
 * The targets that a REF names, for commands on images. A Mesa version needs no manifest entry: images are proven before they get one.
 * @throws Failure USAGE (exit 2)
 */
async function smokeTargets(ref: string, context: CommandContext): Promise<readonly SmokeTarget[]> {
  if (!/^v?\d/u.test(ref)) {
    const { entries } = await openManifest(context);
    return entries(ref).map((of) => ({ template: of.template, version: of.mesaVersion, of }));
  }
  const version = parseMesaVersion(ref);
  return templateFolders(context).map((template) => ({ template, version }));
}
