import type { CommandHandler } from "../command";
import { templateFolders } from "../template-folders";
import { outcome, releaseRequest } from "./release";
import { releaseVersion } from "./release-run";

export const run: CommandHandler = async (args, context) => {
  const request = releaseRequest(
    args,
    context,
    args.required("mesa-version"),
    await templateFolders(context),
  );
  return releaseVersion({ ...request, deploy: true, verify: false }, context, (results) =>
    outcome(results, context),
  );
};
