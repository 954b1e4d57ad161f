import { parseMesaVersion } from "../lock/index";
import { readManifest } from "../manifest/index";
import type { CommandContext } from "./command";
import { entriesOf } from "../manifest/versions/ref";
import { templateFolders } from "./template-folders";
import type { Target } from "../release/request";
import { paths } from "../support/paths";

/**
 * What a REF names, for work on images. A Mesa version needs no entry in the manifest: images are proven before there is one.
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
