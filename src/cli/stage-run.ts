import { resolve } from "node:path";
import type { CommandArgs, CommandContext } from "./command";
import { templateFolders } from "./template-folders";
import { parseMesaVersion } from "../lock/index";
import type { Severity } from "../build/scan";
import type { BuildStage, LockStage } from "../release/stages";
import { paths } from "../support/paths";

/** Input of the commands of single stages. */
export interface StageRequest extends Omit<LockStage, "template">, BuildStage {
  readonly templates: readonly string[];
  readonly relock: boolean;
  readonly structureTests: readonly string[];
  readonly checks: readonly string[];
}

/** The input of a single stage's command, from its options. */
export function stageRequest(args: CommandArgs, context: CommandContext): StageRequest {
  return {
    root: context.root,
    version: parseMesaVersion(args.required("mesa-version")),
    templates: templateFolders(context),
    upstreamPath: context.upstream ?? paths(context.root).upstream,
    force: args.flag("force"),
    relock: args.flag("relock"),
    trustKey: args.text("trust-key"),
    structureTests: args.list("structure-tests").map((file) => resolve(file)),
    checks: args.list("checks").map((file) => resolve(file)),
    builder: args.text("builder"),
    scan: args.text("scan") as Severity | undefined,
  };
}
