import { join, resolve } from "node:path";
import type { CommandHandler } from "../command";
import { openDrift } from "../report/open-drift";
import { packagesChanged } from "../report/packages-changed";
import { readManifest } from "../../manifest/index";
import { reportPage } from "../../manifest/report/report";
import { isoTime } from "../../support/clock";
import { writeOutput } from "../../support/files";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, context) => {
  const { host, root } = context;
  const manifest = await readManifest(paths(root).manifest);
  const file = resolve(args.text("output") ?? join(root, "report.html"));
  const [packages, drift] = await Promise.all([
    packagesChanged(root, manifest),
    args.flag("drift") ? openDrift(context, manifest) : undefined,
  ]);
  const page = reportPage(manifest, isoTime(host.clock.now()), { packages, drift });
  await writeOutput(file, page);
  return {
    json: { file, bytes: Buffer.byteLength(page), ...(drift === undefined ? {} : { drift }) },
    text: `${file}\n`,
  };
};
