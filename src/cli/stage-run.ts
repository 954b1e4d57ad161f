import { resolve } from "node:path";
import type { CommandArgs, CommandContext } from "./command";
import { templateFolders } from "./template-folders";
import { parseMesaVersion } from "../lock/index";
import type { Severity } from "../build/scan";
import type { ReleaseRequest } from "../release/request";
import { paths } from "../support/paths";

/** A request for running single stages. */
export async function stageRequest(args: CommandArgs, context: CommandContext): Promise<ReleaseRequest> {
  return {
    root: context.root,
    version: parseMesaVersion(args.required("mesa-version")),
    templates: await templateFolders(context),
    upstreamPath: context.upstream ?? paths(context.root).upstream,
    concurrency: context.concurrency,
    force: args.flag("force"),
    relock: args.flag("relock"),
    frozen: args.flag("frozen"),
    deploy: false,
    verify: false,
    allowSkipped: args.flag("allow-skipped"),
    adopt: false,
    publish: "deploy",
    deployTimeoutMs: 900_000,
    trustKey: args.text("trust-key"),
    structureTests: args.list("structure-tests").map((file) => resolve(file)),
    checks: args.list("checks").map((file) => resolve(file)),
    builder: args.text("builder"),
    scan: args.text("scan") as Severity | undefined,
  };
}
