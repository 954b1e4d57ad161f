import { join, resolve } from "node:path";
import type { CommandHandler } from "../command";
import { readManifest } from "../../manifest/index";
import { reportPage } from "../../manifest/report/report";
import { isoTime } from "../../support/clock";
import { EXIT_CODES } from "../../support/exit-codes";
import { writeAtomically } from "../../support/files";

export const run: CommandHandler = async (args, { host, root }) => {
  const manifest = await readManifest(join(root, "dockerfiles/manifest.json"));
  const file = resolve(args.text("output") ?? join(root, "report.html"));
  const page = reportPage(manifest, isoTime(host.clock.now()));
  await writeAtomically(file, page);
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, file, bytes: Buffer.byteLength(page) },
    text: `${file}\n`,
  };
};
