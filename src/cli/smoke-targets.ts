import { parseMesaVersion } from "../lock/index";
import { readManifest } from "../manifest/index";
import type { CommandContext } from "./command";
import { entriesOf } from "../manifest/versions/ref";
import { templateFolders } from "./template-folders";
import type { Target } from "../release/request";
import { paths } from "../support/paths";

/**
 * The targets that a REF names, for commands on images. A Mesa version needs no manifest entry: images are proven before they get one.
 * @throws Failure USAGE (exit 2)
 */
export async function smokeTargets(ref: string, context: CommandContext): Promise<readonly Target[]> {
  if (!/^v?\d/u.test(ref)) {
    const manifest = await readManifest(paths(context.root).manifest);
    return entriesOf(manifest, ref, context.templates).map((entry) => ({
      template: entry.template,
      version: entry.mesaVersion,
    }));
  }
  const version = parseMesaVersion(ref);
  return templateFolders(context).map((template) => ({ template, version }));
}
