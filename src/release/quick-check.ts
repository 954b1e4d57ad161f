import { readManifest } from "../manifest/index";
import type { ReleaseRequest, TemplateResult } from "./request";
import { upToDateResult } from "./release-template-result";
import { hasReached, newestEntry, rememberedInputsDigest } from "./up-to-date";
import { paths } from "../support/paths";

/**
 * The answer for a release in which no template has anything to do, found from file sizes and times alone: no engine, no
 * network, no bl, no template engine. Undefined when there may be something to do.
 */
export async function nothingToDo(
  request: Omit<ReleaseRequest, "templates">,
  templates: readonly string[],
): Promise<readonly TemplateResult[] | undefined> {
  if (request.force || request.relock || request.scan !== undefined || templates.length === 0)
    return undefined;
  const folders = paths(request.root);
  const manifest = await readManifest(folders.manifest);
  const results = await Promise.all(
    templates.map(async (template) => {
      const entry = newestEntry(Object.values(manifest.versions), template, request.version);
      if (entry === undefined || !hasReached(entry, request)) return undefined;
      const digest = await rememberedInputsDigest(folders, template, request.version);
      return digest === entry.inputsDigest ? upToDateResult(entry, []) : undefined;
    }),
  );
  const found = results.filter((result) => result !== undefined);
  return found.length === templates.length ? found : undefined;
}
