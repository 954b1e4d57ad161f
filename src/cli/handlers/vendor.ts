import { join, resolve } from "node:path";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { humanBytes } from "../../support/bytes";
import { listFiles } from "../../support/files";
import { EXIT_CODES } from "../../support/exit-codes";
import { vendorVersion, type Vendored } from "../../release/vendor";
import { stageRequest } from "../stage-run";

export const run: CommandHandler = async (args, context) => {
  const given = args.text("to");
  if (given === undefined)
    throw wrongUsage("Which folder is to be written?", "Name one: --to FOLDER (empty, or not there yet).");
  const to = resolve(given);
  const request = await stageRequest(args, context);
  if (context.dryRun) {
    const text = request.templates.map(
      (template) => `${template}@${request.version}  would be written to ${to}\n`,
    );
    return {
      exitCode: EXIT_CODES.done,
      json: { ok: true, folder: to, templates: request.templates },
      text: text.join(""),
    };
  }
  const results = await vendorVersion(context.host, { ...request, to, withImage: args.flag("image") });
  const sizeBytes = (await listFiles(to)).reduce((sum, { size }) => sum + size, 0);
  const upstream = join(to, "upstream.toml");
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, folder: to, upstream, sizeBytes, results },
    text: [
      ...results.map(vendoredText),
      `\n${to}: ${humanBytes(sizeBytes)}. On the other machine:\n`,
      `  export MESA_TEMPLATE_UPSTREAM=${upstream}\n`,
      `  mesa-template release ${request.version} --no-deploy\n`,
    ].join(""),
  };
};

function vendoredText({ template, lock, images, packages, built }: Vendored): string {
  return [
    `${template}@${lock.mesaVersion}\n`,
    ...images.map((image) => `  image    ${image}\n`),
    ...packages.map((path) => `  package  ${path.slice("packages/".length)}\n`),
    built === null
      ? "  built    no: a build there fetches the distribution's packages itself\n"
      : `  built    ${built.file}\n`,
  ].join("");
}
