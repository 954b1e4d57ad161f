import { join } from "node:path";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { oneEntry } from "../ref";
import { readManifest } from "../../manifest/index";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = async (args, { root, templates }) => {
  const manifest = await readManifest(join(root, "dockerfiles/manifest.json"));
  const ref = args.required("ref");
  const entry = oneEntry(manifest, ref, templates);
  if (entry.status === "revoked")
    throw wrongUsage(
      `${entry.id} was revoked: ${entry.revocation?.reason ?? "no reason given"}.`,
      "Use another version.",
    );
  if (entry.deployment === null || (entry.status !== "verified" && entry.status !== "deployed"))
    throw wrongUsage(
      `${entry.id} is ${entry.status}: there is no image of it to use.`,
      `Release it: mesa-template release ${entry.mesaVersion}.`,
    );
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, ref, image: entry.deployment.image, version: entry },
    text: `${entry.deployment.image}\n`,
  };
};
