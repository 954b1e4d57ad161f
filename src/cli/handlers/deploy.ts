import type { CommandHandler } from "../command";
import { templateFolders } from "../template-folders";
import { outcome, releaseOptions } from "./release";
import { parseMesaVersion } from "../../lock/mesa-version";
import { releaseVersion } from "./release-run";

export const run: CommandHandler = async (args, context) => {
  const version = parseMesaVersion(args.required("mesa-version"));
  const options = await releaseOptions(args, context, templateFolders(context));
  return releaseVersion({ ...options, version, deploy: true, verify: false }, context, (results) =>
    outcome(results, context),
  );
};
