import type { CommandHandler } from "../command";
import { templateFolders } from "../template-folders";
import { outcome, releaseRequest } from "./release";
import { parseMesaVersion } from "../../lock/mesa-version";
import { releaseVersion } from "./release-run";

export const run: CommandHandler = async (args, context) => {
  const request = releaseRequest(
    args,
    context,
    parseMesaVersion(args.required("mesa-version")),
    await templateFolders(context),
  );
  return releaseVersion({ ...request, deploy: true, verify: false }, context, (results) =>
    outcome(results, context),
  );
};
