import { resolve } from "node:path";
import { parseMesaVersion } from "../../lock/mesa-version";
import { releaseVersion } from "./release-run";
import type { CommandArgs, CommandContext, CommandHandler, CommandOutcome } from "../command";
import { humanBytes } from "../../support/bytes";
import { wrongUsage } from "../command-line";
import { parseDuration } from "../duration";
import { resultsOutcome } from "../output";
import type { Severity } from "../../build/scan";
import type { ReleaseRequest, TemplateResult } from "../../release/request";
import { signerFrom } from "../../publish/signer";
import { templateFolders } from "../template-folders";
import { paths } from "../../support/paths";

/** The options of a release from the command line, for the given templates, without the version. */
export async function releaseOptions(
  args: CommandArgs,
  context: CommandContext,
  templates: readonly string[],
): Promise<Omit<ReleaseRequest, "version">> {
  const locking = ["frozen", "relock", "refresh"].filter((name) => args.flag(name));
  if (locking.length > 1)
    throw wrongUsage(
      `--${locking.join(" and --")}: --frozen resolves nothing, --relock resolves everything, and --refresh also builds to compare: give one of them.`,
    );
  return {
    root: context.root,
    templates,
    upstreamPath: context.upstream ?? paths(context.root).upstream,
    concurrency: context.concurrency,
    force: args.flag("force"),
    relock: args.flag("relock"),
    refresh: args.flag("refresh"),
    frozen: args.flag("frozen"),
    deploy: args.flag("deploy"),
    verify: args.flag("verify"),
    allowSkipped: args.flag("allow-skipped"),
    adopt: args.flag("adopt"),
    publish: args.text("publish") === "push" ? "push" : "deploy",
    registry: args.text("registry"),
    signer: await signerFrom(context.host, { signKey: args.text("sign-key"), sign: args.text("sign") }),
    deployTimeoutMs: parseDuration("--deploy-timeout", args.text("deploy-timeout") ?? "15m"),
    trustKey: args.text("trust-key"),
    structureTests: args.list("structure-tests").map((file) => resolve(file)),
    checks: args.list("checks").map((file) => resolve(file)),
    builder: args.text("builder"),
    scan: args.text("scan") as Severity | undefined,
  };
}

export const run: CommandHandler = async (args, context) => {
  const version = parseMesaVersion(args.required("mesa-version"));
  const templates = templateFolders(context);
  const request = { ...(await releaseOptions(args, context, templates)), version };
  const same = request.refresh ? "nothing new" : "up to date";
  return releaseVersion(request, context, (results) => outcome(results, context, same));
};

/** The results for people and machines, and the exit code of the first failed template. */
export function outcome(
  results: readonly TemplateResult[],
  context: CommandContext,
  same = "up to date",
): CommandOutcome {
  return resultsOutcome(results, context, results.map((result) => resultLine(result, same)).join(""));
}

function resultLine(result: TemplateResult, same: string): string {
  const id = result.id ?? result.template;
  if (result.upToDate)
    return `${id}  ${same} (${result.status} since ${result.since ?? "?"})${imageText(result)}\n`;
  const smoke =
    result.smoke === null
      ? ""
      : `  smoke ${String(result.smoke.passed)}/${String(result.smoke.passed + result.smoke.failed + result.smoke.skipped)}`;
  const size = result.image === null ? "" : `  ${humanBytes(result.image.sizeBytes)}`;
  return `${id}  ${result.status}${smoke}${size}${imageText(result)}\n`;
}

function imageText(result: TemplateResult): string {
  return result.deployment === null ? "" : `  ${result.deployment.image}`;
}
