import type { CommandHandler } from "../command";
import { mergeBranch } from "../../sandbox/index";

export const run: CommandHandler = async (args, { host }) => {
  const [repo, source, target] = [args.required("repo"), args.required("bookmark"), args.required("into")];
  const merged = await mergeBranch(host, { repo, source, target, deleteSource: args.flag("delete") });
  return {
    json: { repo, bookmark: source, into: target, merged },
    text: merged
      ? `${source} is merged into ${target} of ${repo}\n`
      : `${target} of ${repo} has all of ${source} already\n`,
  };
};
