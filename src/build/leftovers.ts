import type { BuildEnding, Engine } from "../docker/index";
import type { RenderedTemplate } from "../render/rendered";
import { isOfDead, markText, thisProcess } from "../support/processes/alive";
import { warnThatStays, withCleanUp } from "../support/processes/clean-up";
import { VERSION_LABEL, type Host } from "../support/host";
import { imageName } from "./built-image";

/** The value of an image's version label. */
export function versionLabel(of: Pick<RenderedTemplate, "template" | "mesaVersion">): string {
  return `${of.template}@${of.mesaVersion}`;
}

/** What the mark of this process follows in the second tag of an image that is being replaced: a killed run leaves no untagged image. */
const REPLACED = "-replaced-";

/** Gives the image under a template's name, if any, a second tag until `build` has replaced it; then removes it, unless it is in use. */
export async function replacing<T>(
  host: Host,
  engine: Engine,
  rendered: RenderedTemplate,
  build: () => Promise<T>,
): Promise<T> {
  const name = imageName(rendered);
  const previous = await engine.image(name);
  if (previous === undefined) return build();
  const [repo = "", tag = ""] = name.split(":");
  const second = `${tag}${REPLACED}${markText(thisProcess())}`;
  await engine.tag(previous.id, repo, second);
  return withCleanUp(
    build,
    async () => {
      await engine.removeImage(`${repo}:${second}`);
    },
    warnThatStays(host, "the image that was replaced", rendered.template),
  );
}

/** Removes the images of a template and version that builds of dead processes replaced: those of a living one lose their first tag soon. */
export async function removeLeftImages(
  engine: Pick<Engine, "images" | "removeImage">,
  of: Pick<RenderedTemplate, "template" | "mesaVersion">,
): Promise<void> {
  for (const { tags } of await engine.images([`${VERSION_LABEL}=${versionLabel(of)}`]))
    for (const tag of tags) if (tag.includes(REPLACED) && isOfDead(tag)) await engine.removeImage(tag);
}

/**
 * Removes untagged leftovers of the classic builder: the last image of each earlier stage, and of a failed build. The ids come from this
 * build's messages. Images with a tag, or with children, stay.
 * @param name of the built image. Its parents stay: the next build starts from them, and not every engine refuses to remove them
 */
export async function removeIntermediate(
  engine: Engine,
  { ok, made }: BuildEnding,
  name: string,
): Promise<void> {
  const keep = ok ? await engine.lineage(name) : [];
  for (const id of [...made].reverse()) {
    const image = await engine.image(id);
    if (image === undefined || image.tags.length > 0 || keep.includes(image.id)) continue;
    // Otherwise the engine also removes parents that other stages need (Docker 26.1, containerd image store).
    await engine.removeImage(image.id, "kept");
  }
}
