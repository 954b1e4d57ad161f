import type { CommandHandler } from "../command";
import { mergeBranch } from "../../sandbox/index";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = async (args, { host }) => {
  const [repo, source, target] = [args.required("repo"), args.required("bookmark"), args.required("into")];
  const merged = await mergeBranch(host, { repo, source, target, deleteSource: args.flag("delete") });
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, repo, bookmark: source, into: target, merged },
    text: merged
      ? `${source} is merged into ${target} of ${repo}\n`
      : `${target} of ${repo} has all of ${source} already\n`,
  };
};
